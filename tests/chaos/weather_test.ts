import assert from "node:assert/strict";
import { createWeather, sleep } from "./weather.ts";

Deno.test("a fault is over two seconds after its end, not counting the time in which this process stood still", async () => {
  const weather = createWeather();
  await weather.strike("database", "the database ends all connections", () => Promise.resolve());
  for (const until = performance.now() + 2_500; performance.now() < until;);
  assert.ok(weather.explains("database", performance.now()), "what came in meanwhile is not read yet");
  assert.ok(!weather.explains("stripe", performance.now()), "a database explains no error of Stripe's");
  const struck = performance.now();
  while (weather.explains("database", performance.now())) await sleep(100);
  assert.ok(weather.explains("database", struck), "a call that began during the fault stays explained");
});

Deno.test("a fault is over when what it cut is repaired", async () => {
  const weather = createWeather();
  let repaired = () => {};
  const repair = () => new Promise<void>((resolve) => repaired = resolve);
  await weather.strike("database", "the database ends all connections", () => Promise.resolve(), repair);
  await sleep(3_000);
  assert.ok(weather.explains("database", performance.now()), "nothing is repaired yet");
  repaired();
  await weather.calm();
  assert.ok(!weather.explains("database", performance.now()));
});
