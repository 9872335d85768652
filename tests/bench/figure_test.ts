import assert from "node:assert/strict";
import { figureOf, median } from "../../bench/support/figure.ts";
import { describe } from "../../bench/support/report.ts";

const measured = { unit: "ratio", size: "3 orders", samples: [3, 1, 2] };

Deno.test("a figure is the median of its samples, with the smallest and the largest", () => {
  const { median, min, max, samples } = figureOf("b", "f", measured);
  assert.deepEqual([median, min, max, samples], [2, 1, 3, 3]);
});

Deno.test("the median of an even number of samples lies between the two in the middle, and none has none", () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.throws(() => median([]));
});

Deno.test("a goal is met up to its limit and missed beyond it", () => {
  const met = (goal: { atMost: number } | { atLeast: number }) => figureOf("b", "f", { ...measured, goal }).met;
  assert.deepEqual([met({ atMost: 2 }), met({ atMost: 1.9 }), met({ atLeast: 2 }), met({ atLeast: 2.1 })], [
    true,
    false,
    true,
    false,
  ]);
  assert.equal(figureOf("b", "f", measured).met, null);
});

Deno.test("a missed goal and a broken bench are the last thing that is printed", () => {
  const figures = [figureOf("b", "f", { ...measured, goal: { atMost: 1 } })];
  const report = { size: "toy" as const, machine: {}, figures, missed: ["b: f", "c: Error"], broken: ["c: Error"] };
  assert.deepEqual(describe(report).split("\n").slice(-3), ["BROKEN  c: Error", "MISSED  b: f", "MISSED  c: Error"]);
  assert.ok(describe(report).includes("✗ b: f"));
});
