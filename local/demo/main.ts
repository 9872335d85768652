/** npm run demo [-- --json]: a shop with orders and payments of every kind, both jobs fired as the scheduler would. */
import postgres from "postgres";
import { refuseSwallowed } from "../npm-options.ts";
import { type Stack, startStack } from "../stack/start.ts";
import { stopSignal } from "../stack/stop-signal.ts";
import { KINDS } from "./kinds.ts";
import { printCleanup, printExpiry } from "./print.ts";
import { countSwept, decidedOrders, showBar } from "./progress.ts";
import { type CleanupReport, type ExpiryReport, findProblems, reportKinds } from "./report.ts";
import { readRest, runAsScheduler } from "./scheduler.ts";
import { openShop, readFates, readStock } from "./shop.ts";
import { fillYear, reportYear } from "./year-of-payments.ts";

const USAGE = "Usage: npm run demo [-- --json]";
const json = Deno.args.includes("--json");
if (Deno.args.includes("--help")) {
  console.log(USAGE);
  Deno.exit(0);
}
const unknown = Deno.args.find((argument) => argument !== "--json");
if (unknown !== undefined) {
  console.error(`Cannot run the demo with ${unknown}: the only option is --json\n${USAGE}`);
  Deno.exit(2);
}
refuseSwallowed(["json"]);
const say = (text: string) => json ? undefined : console.log(text);

const METRICS = [
  "paymentsExpiredTotal:payments_expired_total",
  "paymentIntentsCanceledTotal:payment_intents_canceled_total",
  "stockReleasedTotal:stock_released_total",
  "jobExecutionTime:job_execution_time",
  "lastExecutionTime:last_execution_time",
  "ordersPaidTotal:orders_paid_total",
  "ordersWaitingTotal:orders_waiting_total",
  "backlog",
];

/** What a shell says of a program that Ctrl-C ended. */
const STOPPED = 130;
Deno.exit(await main());

/** Plays until the end or until it is told to stop; what it started is gone either way. */
async function main(): Promise<number> {
  let told = false;
  const stop = stopSignal().then(() => told = true);
  say("Starting PostgreSQL, the REST API, the functions and a Stripe simulator with Stripe's limits …");
  await using stack = await startStack({
    workers: false,
    users: false,
    simulator: { preset: "sandbox", latencyMs: [40, 120] },
  });
  const play = demonstrate(stack).catch(async (error) => {
    // Ctrl-C ends the functions too, and their callers may hear of it first.
    await Promise.race([stop, new Promise((resolve) => setTimeout(resolve, 500))]);
    if (!told) throw error;
    return false;
  });
  const ok = await Promise.race([play, stop]);
  return told ? STOPPED : ok ? 0 : 1;
}

async function demonstrate(stack: Stack): Promise<boolean> {
  const sql = postgres(stack.database.url, { max: 1, onnotice: () => {} });
  try {
    const expiry = await expireOrders(stack, sql);
    if (!json) printExpiry(expiry);
    const cleanup = await cleanUp(stack, sql);
    if (!json) printCleanup(cleanup);
    const ok = expiry.problems.length === 0 && cleanup.problems.length === 0;
    if (json) console.log(JSON.stringify({ ok, ...expiry, cleanup }));
    say('\nNext: npm run stack, and your own orders (README.md, "Work with it").');
    return ok;
  } finally {
    await sql.end();
  }
}

/** First act: orders of every kind, past their deadline. */
async function expireOrders(stack: Stack, sql: postgres.Sql): Promise<ExpiryReport> {
  const shop = await openShop(sql, stack.simulator!.control, KINDS);
  const before = await readStock(sql);
  const all = shop.orders.length;
  say(`The shop has ${all} orders of ${KINDS.length} kinds, all past their deadline. The scheduler fires.\n`);

  const run = await runAsScheduler(stack, "expire-stale-orders", (run) => {
    const decided = decidedOrders(run);
    if (!json) showBar(decided, all, `${decided} of ${all} orders, ${stack.simulator!.control.mark()} calls to Stripe`);
  });
  const [metrics] = await readRest(stack, `job_metrics?job=eq.expire-stale-orders&select=${METRICS.join(",")}`);
  const after = await readStock(sql);
  const kinds = reportKinds(KINDS, shop, await readFates(sql));
  return { kinds, stock: { before, after }, run, metrics: metrics!, problems: findProblems(kinds, before, after) };
}

/** Second act: an account that has been in use for a year. */
async function cleanUp(stack: Stack, sql: postgres.Sql): Promise<CleanupReport> {
  const { control } = stack.simulator!;
  const year = await fillYear(sql, control);
  const all = countSwept(control);
  say(
    `\nSecond act: ${all} payments of a year, most of them healthy, many not the shop's. Sunday, 03:00: the clean-up fires.\n`,
  );

  const run = await runAsScheduler(stack, "cleanup-stale-payment-intents", async () => {
    const [sweep] = await readRest(stack, "job_sweeps?order=id.desc&limit=1&select=seen:payments_seen,pages");
    const seen = Number(sweep?.seen ?? 0);
    if (!json) showBar(seen, all, `${seen} of ${all} payments seen, ${sweep?.pages ?? 0} pages`);
  });
  const payments = await reportYear(sql, control, year);
  const alerts = await readRest(
    stack,
    "job_alerts?resolved_at=is.null&key=like.late_payment*&select=key,message,details",
  );
  const late = payments.find(({ expected }) => expected === "late_payment")!.payments;
  const problems = payments.filter(({ asExpected }) => !asExpected)
    .map(({ kind, expected, became }) => `"${kind}" had to be ${expected}: ${JSON.stringify(became)}`);
  if (alerts.length !== late) problems.push(`${late} late payments raised ${alerts.length} alerts`);
  return { run, payments, lateAlerts: alerts.length, problems };
}
