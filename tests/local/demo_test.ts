import assert from "node:assert/strict";
import { createBar, paragraph, table, WIDTH } from "../../local/demo/terminal.ts";

Deno.test("a table fits the terminal: long cells wrap under their own column", () => {
  const text = table([
    { kind: "never paid", orders: 7, because: Array.from({ length: 12 }, (_, n) => `${n} reason_${n},`).join(" ") },
    { kind: "paid", orders: 12, because: "paid" },
  ]);
  const lines = text.split("\n");
  assert.ok(lines.every((line) => line.length <= WIDTH), text);
  assert.deepEqual(lines.slice(0, 3).map((line) => line.slice(0, 28).trimEnd()), [
    "  kind        orders  becaus",
    "  ──────────  ──────  ──────",
    "  never paid       7  0 reas",
  ]);
  assert.match(lines[3]!, /^ {22}\S/);
  assert.equal(lines.at(-1), "  paid            12  paid");
});

Deno.test("a paragraph keeps its words and breaks before the edge", () => {
  const text = "word ".repeat(40).trim();
  assert.ok(paragraph(text).split("\n").every((line) => line.length <= WIDTH));
  assert.equal(paragraph(text).replaceAll("\n", " "), text);
});

Deno.test("a progress bar is full at the end, never overflows, and is removed", () => {
  const said: string[] = [];
  const bar = createBar((line) => said.push(line));
  bar.show(0, 10, "a");
  bar.show(5, 10, "b");
  bar.show(12, 10, "c");
  bar.clear();
  assert.deepEqual(said.map((line) => line.replaceAll(/[^█]/g, "").length), [0, 14, 28, 0]);
});
