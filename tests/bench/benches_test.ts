import assert from "node:assert/strict";
import { benches } from "../../bench/benches.ts";
import { describe } from "../../bench/support/report.ts";
import { runBenches } from "../../bench/support/run.ts";

Deno.test("every bench runs at toy size and prints its figures", async (t) => {
  const report = await runBenches(benches, { size: "toy" });
  const printed = describe(report);
  for (const { name } of benches) {
    await t.step(name, () => {
      const broken = report.broken.find((text) => text.startsWith(`${name}:`));
      assert.equal(broken, undefined);
      const figures = report.figures.filter(({ bench }) => bench === name);
      assert.ok(figures.length > 0, "no figure");
      for (const { figure, median, min, max, goal } of figures) {
        // Nothing about its size: a toy on a busy machine proves nothing about speed.
        assert.ok(Number.isFinite(median) && min <= median && median <= max, `${figure} is ${min}, ${median}, ${max}`);
        assert.ok(goal === null || printed.includes(`${name}: ${figure}`));
      }
    });
  }
});
