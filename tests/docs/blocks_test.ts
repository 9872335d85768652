import assert from "node:assert/strict";
import { findBlocks, shapeOf, shapesAgree } from "./blocks.ts";

const fence = "```";

Deno.test("blocks are found with their line, language and marks, also inside a list", () => {
  const text =
    `# A\n\n${fence}bash\nls\n${fence}\n\n1. Do\n\n   ${fence}sql hosted\n   select 1\n     + 1;\n   ${fence}\n`;
  assert.deepEqual(findBlocks(text), [
    { line: 4, language: "bash", marks: [], text: "ls\n" },
    { line: 10, language: "sql", marks: ["hosted"], text: "select 1\n  + 1;\n" },
  ]);
  assert.throws(() => findBlocks(`${fence}bash\nls\n`), /never ends/);
});

Deno.test("shapes differ when a name is missing, is new, or holds something else; null fits anything", () => {
  const agree = (a: unknown, b: unknown) => shapesAgree(shapeOf(a), shapeOf(b));
  assert.ok(agree({ b: 1, a: [{ x: "y" }] }, { a: [{ x: null }, 2], b: 7 }));
  assert.ok(!agree({ a: 1 }, { a: 1, b: 2 }));
  assert.ok(!agree({ a: 1, b: 1 }, { a: 1 }));
  assert.ok(!agree({ a: 1 }, { a: "1" }));
  assert.ok(!agree([{ a: 1 }], [{ b: 1 }]));
  assert.ok(!agree([], {}));
});
