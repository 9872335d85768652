import assert from "node:assert/strict";
import { committedFiles, readText } from "./project-files.ts";

const paths = await committedFiles();
const texts = await Promise.all(
  paths.filter((path) => !/\.(png|svg|ico)$/.test(path)).map(async (path) => ({ path, text: await readText(path) })),
);

Deno.test("no committed file names a folder of one particular machine", () => {
  assert.deepEqual(texts.flatMap(({ path, text }) => findMachinePaths(text).map((it) => `${path}: ${it}`)), []);
});

Deno.test("no committed source imports from another registry than npm", () => {
  const sources = texts.filter(({ path }) => /\.(ts|mjs|json)$/.test(path) && path !== "package-lock.json");
  assert.deepEqual(sources.filter(({ text }) => importsElsewhere(text)).map(({ path }) => path), []);
});

Deno.test("every file with tests is one that its runner collects", () => {
  assert.deepEqual(texts.filter(({ path, text }) => !isCollected(path, text)).map(({ path }) => path), []);
});

Deno.test("the rule about machine paths sees a home, and no ordinary path", () => {
  const home = "/" + "home/someone/lapse";
  assert.deepEqual(findMachinePaths(`see ${home} and "/${"work"}/main"`), [home, `/${"work"}/main`]);
  assert.deepEqual(findMachinePaths("./work/x local/workers/cron.ts https://example.com/work/x /tmp"), []);
});

Deno.test("the rule about registries sees jsr and https imports", () => {
  assert.ok(importsElsewhere(`import { assert } from "${"jsr"}:@std/assert";`));
  assert.ok(importsElsewhere(`import x from '${"https"}://esm.sh/x';`));
  assert.ok(importsElsewhere(`{ "imports": { "a": "${"jsr"}:@std/a" } }`));
  assert.ok(!importsElsewhere(`import { z } from "zod"; // see ${"https"}://zod.dev`));
});

Deno.test("the rule about test files sees a name or a place from which nothing is collected", () => {
  const test = `Deno${".test"}("works", () => {});`;
  assert.ok(isCollected("tests/unit/orders_test.ts", test));
  assert.ok(!isCollected("tests/unit/orders-test.ts", test));
  assert.ok(!isCollected("tests/unit/orders.ts", test));
  assert.ok(!isCollected("tests/orders_test.ts", test));
  assert.ok(!isCollected("functions/_shared/orders_test.ts", test));
  assert.ok(isCollected("tests/database/orders/holds_stock.test.sql", `select ${"plan"}(1);`));
  assert.ok(!isCollected("tests/database/orders/holds_stock.sql", `select ${"plan"}(1);`));
});

function findMachinePaths(text: string): string[] {
  return text.match(/(?<![\w.~*}:/-])\/(home|Users|root|work|farm)\/[\w./-]+/g) ?? [];
}

function importsElsewhere(text: string): boolean {
  return /["']jsr:|\b(from|import)\s*\(?\s*["']https?:/.test(text);
}

function isCollected(path: string, text: string): boolean {
  if (path.endsWith(".ts") && /^Deno\.test\(/m.test(text)) return /^tests\/[a-z-]+\/(.+\/)?\w+_test\.ts$/.test(path);
  if (path.endsWith(".sql") && /^select\s+(\*\s+from\s+)?(no_)?plan\(/im.test(text)) {
    return /^tests\/database\/.+\.test\.sql$/.test(path);
  }
  return true;
}
