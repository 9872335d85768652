import { z } from "zod";
import { type Context, defineCommand, type Outcome, typedInteger } from "../command.ts";
import { bar, columns, indent } from "../output.ts";
import { dayRow, jobs, metricsRow } from "../rows.ts";

const input = z.strictObject({ days: typedInteger(1, 366).default(14) });

export const metrics = defineCommand({
  name: "metrics",
  summary: "Totals since the first run, and bars over the last days",
  options: { days: { value: "N", help: "days shown, in UTC (14)" } },
  input,
  run: showMetrics,
});

type Day = z.infer<typeof dayRow>;

async function showMetrics({ days }: z.infer<typeof input>, context: Context): Promise<Outcome> {
  const { client, rows } = await context.connect();
  const dates = lastDays(days, new Date());
  const daily = client.from("job_metrics_daily").select("*").gte("day", dates[0]!).order("day");
  const [totals, found] = await Promise.all([
    rows(client.from("job_metrics").select("*").order("job"), metricsRow),
    rows(daily, dayRow),
  ]);
  const json = jobs.map((job) => {
    const { job: _, ...counters } = totals.find((it) => it.job === job) ?? {};
    const own = found.filter((it) => it.job === job).map(({ job: _, ...day }) => renamed(day));
    return { job, ...renamed(counters), days: own };
  });
  const text = jobs.map((job) => {
    const counters = json.find((it) => it.job === job)!;
    const facts = Object.entries(counters).filter(([name]) => name !== "job" && name !== "days");
    const table = indent(columns(facts.map(([name, value]) => [name, formatted(name, value)])));
    return [job, table, ...chartsOf(job, found.filter((it) => it.job === job), dates)].join("\n");
  });
  return { well: true, json, text: text.join("\n\n") };
}

/** `payments_expired_total` is `paymentsExpiredTotal` in the specification and in every report. */
function renamed(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()), value]),
  );
}

function formatted(name: string, value: unknown): string {
  if (value === null) return "–";
  if (typeof value !== "number") return String(value);
  return `${value.toLocaleString("en-US")}${name === "jobExecutionTime" ? " ms" : ""}`;
}

const CHARTS: Record<string, [keyof Day, string][]> = {
  "expire-stale-orders": [["payments_expired", "orders expired"], ["stock_released", "units released"], [
    "orders_paid",
    "found paid",
  ]],
  "cleanup-stale-payment-intents": [["payment_intents_canceled", "intents cancelled"], [
    "late_payments",
    "late payments",
  ]],
};

function chartsOf(job: string, days: Day[], dates: string[]): string[] {
  return (CHARTS[job] ?? []).map(([field, title]) => {
    const values = dates.map((date) => Number(days.find(({ day }) => day === date)?.[field] ?? 0));
    const max = Math.max(...values);
    if (max === 0) return `  ${title}, per day: none in ${dates.length} days`;
    const rows = dates.map((
      date,
      n,
    ) => [date, values[n]!.toLocaleString("en-US").padStart(9), bar(values[n]!, { max })]);
    return `  ${title}, per day\n${indent(indent(columns(rows)))}`;
  });
}

/** The last days up to today, oldest first, as UTC dates. */
function lastDays(count: number, now: Date): string[] {
  return Array.from(
    { length: count },
    (_, n) => new Date(now.getTime() - (count - 1 - n) * 86_400_000).toISOString().slice(0, 10),
  );
}
