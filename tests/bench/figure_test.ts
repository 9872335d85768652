import assert from "node:assert/strict";
import { figureOf, median } from "../../bench/support/figure.ts";
import { describe } from "../../bench/support/report.ts";

const measured = { unit: "ratio", size: "3 orders", samples: [3, 1, 2] };

Deno.test("a figure is the median of its samples, with the smallest and the largest", () => {
  const { median, min, max, samples } = figureOf("b", "f", measured);
  assert.deepEqual([median, min, max, samples], [2, 1, 3, 3]);
});

Deno.test("the median of an even number of samples is between the two middle ones, and without samples there is none", () => {
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

Deno.test("missed goals and broken benches are printed first", () => {
  const figures = [figureOf("b", "met", measured), figureOf("b", "f", { ...measured, goal: { atMost: 1 } })];
  const report = { size: "toy" as const, machine: {}, figures, missed: ["b: f", "c: Error"], broken: ["c: Error"] };
  const lines = describe(report).split("\n");
  assert.deepEqual(lines.slice(1, 4), ["MISSED  b: f", "MISSED  c: Error", "BROKEN  c: Error"]);
  assert.equal(lines.find((line) => /^[✓✗ ] b:/.test(line)), "✗ b: f");
});
