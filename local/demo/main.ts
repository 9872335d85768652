/** npm run demo [-- --json]: a shop with orders of every kind, the job fired as the scheduler would, and what came of it. */
import postgres from "postgres";
import { startStack } from "../stack/start.ts";
import { KINDS } from "./kinds.ts";
import { printReport } from "./print.ts";
import { runAsScheduler } from "./scheduler.ts";
import { type DemoReport, findProblems, reportKinds } from "./report.ts";
import { openShop, readFates, readStock } from "./shop.ts";

const json = Deno.args.includes("--json");
const unknown = Deno.args.filter((argument) => argument !== "--json");
if (unknown.length > 0) {
  console.error(`Cannot run the demo with ${unknown[0]}: the only option is --json`);
  Deno.exit(2);
}
const say = (text: string) => json ? undefined : console.log(text);

const report = await demonstrate();
if (json) console.log(JSON.stringify(report));
else printReport(report);
Deno.exit(report.ok ? 0 : 1);

async function demonstrate(): Promise<DemoReport> {
  say("Starting PostgreSQL, the REST API, the functions and a Stripe simulator with Stripe's limits …");
  await using stack = await startStack({
    workers: false,
    users: false,
    simulator: { preset: "sandbox", latencyMs: [40, 120] },
  });
  const sql = postgres(stack.database.url, { max: 1, onnotice: () => {} });
  try {
    const shop = await openShop(sql, stack.simulator!.control, KINDS);
    const before = await readStock(sql);
    say(`The shop has ${shop.orders.length} orders of ${KINDS.length} kinds, all past their deadline.\n`);

    const run = await runAsScheduler(stack, {
      orders: shop.orders.length,
      onProgress: json ? undefined : showProgress,
    });
    const metrics = await readMetrics(stack);
    const after = await readStock(sql);
    const kinds = reportKinds(KINDS, shop, await readFates(sql));
    const problems = findProblems(kinds, before, after);
    return { ok: problems.length === 0, kinds, stock: { before, after }, run, metrics, problems };
  } finally {
    await sql.end();
  }
}

async function readMetrics(
  { apiUrl, secretKey }: { apiUrl: string; secretKey: string },
): Promise<Record<string, unknown>> {
  const columns = [
    "paymentsExpiredTotal:payments_expired_total",
    "paymentIntentsCanceledTotal:payment_intents_canceled_total",
    "stockReleasedTotal:stock_released_total",
    "jobExecutionTime:job_execution_time",
    "lastExecutionTime:last_execution_time",
    "ordersPaidTotal:orders_paid_total",
    "ordersWaitingTotal:orders_waiting_total",
    "backlog",
  ];
  const url = `${apiUrl}/rest/v1/job_metrics?job=eq.expire-stale-orders&select=${columns.join(",")}`;
  const response = await fetch(url, { headers: { apikey: secretKey } });
  if (!response.ok) throw new Error(`Cannot read the metrics over REST: status is ${response.status}`);
  const [row] = await response.json() as Record<string, unknown>[];
  return row!;
}

function showProgress(
  { decided, orders, stripeCalls }: { decided: number; orders: number; stripeCalls: number },
): void {
  const width = 40;
  const done = Math.round(decided / orders * width);
  const line = `  ${"█".repeat(done)}${
    "░".repeat(width - done)
  }  ${decided} of ${orders} orders, ${stripeCalls} calls to Stripe`;
  if (Deno.stdout.isTerminal()) Deno.stdout.writeSync(new TextEncoder().encode(`\r${line}`));
  else console.log(line);
}
