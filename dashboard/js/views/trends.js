// The charts of the overview.

import { chart } from "../charts.js";
import { h } from "../dom.js";
import { counted, day, moment, seconds } from "../format.js";
import { JOBS } from "../reads.js";
import { perDay } from "../series.js";

const CHOICES = [14, 30, 90];
let days = 30;

export const daysChosen = () => days;

/** Charts of the last days, and of the last runs of the job that expires orders. */
export function trends({ days: rows, dates, expiring }, { now }) {
  const expire = rows.filter(({ job }) => job === JOBS[0]);
  const labels = dates.map(day);
  const daily = (title, about, ...series) => chart({ title, about, kind: "bars", labels, series });
  const one = (rows, field, name, tone) => ({ name, tone, values: perDay(rows, dates, field) });
  const runs = expiring.filter(({ dry_run, finished_at }) => !dry_run && finished_at).toReversed();
  const moments = runs.map(({ created_at }) => moment(created_at, now));
  // "29 Nov, 08:10": within two days the hours tell more.
  const isShort = runs.length > 0 && new Date(runs.at(-1).created_at) - new Date(runs[0].created_at) < 2 * 86_400_000;
  const ticks = moments.map((it) => it.split(", ").at(isShort ? -1 : 0));
  const perRun = (title, about, tone, values, say) =>
    chart({ title, about, kind: "line", labels: moments, ticks, series: [{ name: title, tone, values }], say });
  return [
    h("div", { class: "heading" }, h("h2", {}, "Trends"), choice()),
    h(
      "div",
      { class: "charts" },
      daily("Orders expired", "Closed unpaid, per day (UTC)", one(expire, "orders_expired", "orders", "accent")),
      daily("Units released", "Units of stock, per day", one(expire, "stock_released", "units", "accent2")),
      daily("Found paid", "Paid, but not reported by a webhook", one(expire, "orders_paid", "orders", "good")),
      daily(
        "Trouble",
        null,
        one(rows, "runs_failed", "failed runs", "bad"),
        one(rows, "orders_quarantined", "quarantined", "amber"),
        one(rows, "late_payments", "late payments", "late"),
      ),
      perRun(
        "Backlog",
        `Orders left due, the last ${counted(runs.length, "run")}`,
        "accent",
        runs.map(({ backlog }) => backlog),
      ),
      perRun(
        "Seconds per run",
        `From start to end, the last ${counted(runs.length, "run")}`,
        "accent2",
        runs.map(({ duration_ms }) => duration_ms === null ? null : duration_ms / 1_000),
        (value) => seconds(value * 1_000),
      ),
    ),
  ];
}

function choice() {
  const select = h(
    "select",
    { "aria-label": "Days shown" },
    CHOICES.map((n) => h("option", { value: n, selected: n === days }, `${n} days`)),
  );
  select.addEventListener("change", () => {
    days = Number(select.value);
    dispatchEvent(new HashChangeEvent("hashchange"));
  });
  return select;
}
