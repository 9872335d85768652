import assert from "node:assert/strict";
import { nextRun, scheduleInWords } from "../../../dashboard/js/next-run.js";
import { groupBy, lastDays, perDay, scaleEnd, stacked } from "../../../dashboard/js/series.js";

Deno.test("days without a row count as zero, and jobs are added up", () => {
  const dates = lastDays(3, new Date("2026-03-01T00:30:00Z"));
  assert.deepEqual(dates, ["2026-02-27", "2026-02-28", "2026-03-01"]);
  const rows = [{ day: "2026-02-27", n: 2 }, { day: "2026-02-27", n: 3 }, { day: "2026-03-01", n: 7 }, {
    day: "2026-01-01",
    n: 9,
  }];
  assert.deepEqual(perDay(rows, dates, "n"), [5, 0, 7]);
});

Deno.test("a few outliers do not set the scale, but merely high values do", () => {
  const month = Array.from({ length: 30 }, (_, n) => 100 + n);
  assert.equal(scaleEnd(month), 129);
  assert.equal(scaleEnd([...month.slice(1), 9_000]), 129);
  assert.equal(scaleEnd([...month.slice(3), 9_000, 8_000, 300_000]), 129);
  assert.equal(scaleEnd([...month.slice(1), 350]), 350);
  // Half of the days are no outliers.
  assert.equal(scaleEnd([1, 1, 1, 900, 900, 900]), 900);
  assert.equal(scaleEnd([0, 0, 5]), 5);
  assert.equal(scaleEnd([]), 0);
});

Deno.test("if the values end with the present, the last one is always within the scale", () => {
  const runs = [...Array(40).fill(3), 1_300];
  assert.equal(scaleEnd(runs), 3);
  assert.equal(scaleEnd(runs, { endsNow: true }), 1_300);
  assert.equal(scaleEnd([...Array(20).fill(3), 1_300, ...Array(20).fill(3)], { endsNow: true }), 3);
});

Deno.test("series are stacked by adding each to those below it", () => {
  assert.deepEqual(stacked([[1, 0], [2, 3], [0, 4]]), [[1, 0], [3, 3], [3, 7]]);
});

Deno.test("groups are sorted by size, largest first", () => {
  const groups = groupBy([{ k: "a" }, { k: "b" }, { k: "b" }], ({ k }: { k: string }) => k);
  assert.deepEqual(groups.map(([key, rows]: [string, unknown[]]) => `${key} ${rows.length}`), ["b 2", "a 1"]);
});

const tick = { active: true, cron: "*/5 * * * *", time_zone: null, local_day: null, local_time: null };
const slot = { ...tick, time_zone: "Europe/Paris", local_day: 7, local_time: "03:00:00" };

Deno.test("the next run is the next tick in UTC, or the next slot in its own time zone", () => {
  const next = (schedule: object, at: string) => nextRun(schedule, new Date(at))?.toISOString() ?? null;
  assert.equal(next(tick, "2026-11-30T12:01:00Z"), "2026-11-30T12:05:00.000Z");
  assert.equal(next({ ...tick, cron: "7 3 1 * *" }, "2026-11-30T12:01:00Z"), "2026-12-01T03:07:00.000Z");
  // Sundays at 03:00 in Paris: 01:00 UTC in summer, 02:00 in winter; the clocks went back on 25 October 2026.
  assert.equal(next(slot, "2026-10-17T12:00:00Z"), "2026-10-18T01:00:00.000Z");
  assert.equal(next(slot, "2026-10-18T12:00:00Z"), "2026-10-25T02:00:00.000Z");
  assert.equal(next({ ...slot, local_day: null }, "2026-11-30T12:00:00Z"), "2026-12-01T02:00:00.000Z");
  assert.equal(next({ ...tick, active: false }, "2026-11-30T12:01:00Z"), null);
  assert.equal(next({ ...tick, cron: "30 seconds" }, "2026-11-30T12:01:00Z"), null);
});

Deno.test("a schedule is shown in words, or else as its expression", () => {
  assert.deepEqual(
    [tick, { ...tick, cron: "* * * * *" }, { ...tick, cron: "7 3 * * *" }, slot, { ...slot, local_day: null }].map(
      scheduleInWords,
    ),
    [
      "every 5 min",
      "every minute",
      "7 3 * * * (UTC)",
      "Sundays 03:00, Europe/Paris",
      "every day 03:00, Europe/Paris",
    ],
  );
});
