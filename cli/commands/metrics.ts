import { z } from "zod";
import { defineCommand, typedInteger } from "../command.ts";
import { bar, columns, indent } from "../output.ts";
import { type DayRow, dayRow, type JobName, jobs, metricsRow } from "../rows.ts";

export const metrics = defineCommand({
  name: "metrics",
  summary: "Totals since the first run, and bars of the last days",
  options: { days: { value: "N", help: "days shown, in UTC (14)" } },
  input: z.strictObject({ days: typedInteger(1, 366).default(14) }),
  run: async ({ days }, context) => {
    const { client, rows } = await context.connect();
    const dates = lastDays(days, new Date());
    const [totals, daily] = await Promise.all([
      rows(client.from("lapse_metrics").select("*").order("job"), metricsRow),
      rows(client.from("lapse_metrics_daily").select("*").gte("day", dates[0]!).order("day"), dayRow),
    ]);
    const all = jobs.map((job) => {
      const { job: _, ...own } = totals.find((it) => it.job === job) ?? {};
      return { job, totals: own, days: daily.filter((it) => it.job === job) };
    });
    const text = all.map(({ job, totals, days }) => {
      const facts = Object.entries(totals).map(([name, value]) => [name, formatted(name, value)]);
      return [job, indent(columns(facts)), ...chartsOf(job, days, dates)].join("\n");
    });
    const json = all.map(({ job, totals, days }) => ({ job, ...totals, days: days.map(({ job: _, ...day }) => day) }));
    return { well: true, json, text: text.join("\n\n") };
  },
});

function formatted(name: string, value: unknown): string {
  if (typeof value !== "number") return value ? String(value) : "–";
  return `${value.toLocaleString("en-US")}${name === "jobExecutionTime" ? " ms" : ""}`;
}

const CHARTS: Partial<Record<JobName, [keyof DayRow, string][]>> = {
  "expire-stale-orders": [
    ["ordersExpired", "orders expired"],
    ["stockReleased", "units released"],
    ["ordersPaid", "found paid"],
  ],
  "cleanup-stale-payment-intents": [["paymentIntentsCanceled", "intents cancelled"], ["latePayments", "late payments"]],
};

function chartsOf(job: JobName, days: DayRow[], dates: string[]): string[] {
  return (CHARTS[job] ?? []).map(([field, title]) => {
    const values = dates.map((date) => Number(days.find(({ day }) => day === date)?.[field] ?? 0));
    const max = Math.max(...values);
    if (max === 0) return `  ${title}, per day: none in ${dates.length} days`;
    const rows = dates.map((date, n) => {
      const value = values[n]!;
      return [date, value.toLocaleString("en-US").padStart(9), bar(value, { max })];
    });
    return `  ${title}, per day\n${indent(indent(columns(rows)))}`;
  });
}

/** The last days including today, oldest first, as UTC dates. */
function lastDays(count: number, now: Date): string[] {
  const at = (n: number) => new Date(now.getTime() - (count - 1 - n) * 86_400_000);
  return Array.from({ length: count }, (_, n) => at(n).toISOString().slice(0, 10));
}
