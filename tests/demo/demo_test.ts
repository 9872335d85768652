import assert from "node:assert/strict";
import { command } from "../support/command.ts";

const program = ["run", "-A", "--quiet", "--no-check", "--unstable-no-legacy-abort", "local/demo/main.ts"];

Deno.test("every order and every payment of the demo ends where it belongs, in one line of JSON", async () => {
  const { code, stdout } = await command(Deno.execPath(), [...program, "--json"], { limitMinutes: 5 });
  const { ok, problems, cleanup, run } = JSON.parse(stdout);
  assert.deepEqual([problems, cleanup.problems], [[], []]);
  assert.deepEqual([code, ok, run.status, cleanup.run.status], [0, true, "succeeded", "succeeded"]);
  assert.deepEqual([run.stripeThrottled, cleanup.run.stripeThrottled], [0, 0]);
});

Deno.test("the demo fits 80 columns and shows no progress bar without a terminal", async () => {
  const { code, stdout } = await command(Deno.execPath(), program, { limitMinutes: 5, env: { NO_COLOR: "1" } });
  assert.equal(code, 0, stdout);
  assert.deepEqual(stdout.split("\n").filter((line) => line.length > 80), []);
  assert.ok(!/[█░\r]/.test(stdout));
  assert.match(stdout, /Every order is where it belongs\.[^]*Every payment is where it belongs\./);
});
