/**
 * npm run demo [-- --json]: a shop with orders and payments of every kind. Both jobs are dispatched as by the
 * scheduler.
 */
import postgres from "postgres";
import { refuseSwallowed } from "../npm-options.ts";
import { type Stack, startStack } from "../stack/start.ts";
import { stopSignal } from "../stack/stop-signal.ts";
import { KINDS } from "./kinds.ts";
import { printCleanup, printExpiry } from "./print.ts";
import { type CleanupReport, type ExpiryReport, findProblems, reportKinds } from "./report.ts";
import { readRest, runAsScheduler, type WatchedRun } from "./scheduler.ts";
import { openShop, readFates, readStock } from "./shop.ts";
import { createBar, paragraph } from "./terminal.ts";
import { fillYear, reportYear, toDecide } from "./year.ts";

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
const say = (text: string) => json ? undefined : console.log(paragraph(text));

const METRICS = [
  "paymentsExpiredTotal:orders_expired_total",
  "paymentIntentsCanceledTotal:payment_intents_canceled_total",
  "stockReleasedTotal:stock_released_total",
  "jobExecutionTime:job_execution_time",
  "lastExecutionTime:last_execution_time",
];
const DECIDED = ["ordersExpired", "ordersPaid", "ordersWaiting", "ordersRetried", "ordersQuarantined"];
const CLEANED = ["paymentIntentsCanceled", "checkoutSessionsExpired", "paymentsKept", "latePayments"];

/** The exit code of a program ended by Ctrl-C. */
const STOPPED = 130;
Deno.exit(await main());

/** Runs the demo until it ends or is interrupted. Either way, it stops everything that it started. */
async function main(): Promise<number> {
  let told = false;
  const stop = stopSignal().then(() => told = true);
  say("Starting PostgreSQL, REST, the functions, pg_net and a Stripe simulator with the limits of a live account …");
  await using stack = await startStack({
    // Without pg_cron, because the demo dispatches the jobs itself. pg_net delivers the requests.
    workers: { cron: { pollMs: 0 } },
    users: false,
    simulator: { preset: "live", latencyMs: [40, 120] },
    functionsEnv: { STRIPE_SECRET_KEY: "sk_live_demo" },
  });
  const play = demonstrate(stack).catch(async (error) => {
    // Ctrl-C also reaches the functions, and their callers may notice that first.
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
    say('\nNext: npm run stack, and your own orders (README.md, "Commands").');
    return ok;
  } finally {
    await sql.end();
  }
}

/** Part one: orders of every kind, past their deadline. */
async function expireOrders(stack: Stack, sql: postgres.Sql): Promise<ExpiryReport> {
  const shop = await openShop(sql, stack.simulator!.control, KINDS, { livemode: true });
  const before = await readStock(sql);
  const all = shop.orders.length;
  say(
    `The shop has ${all} orders of ${KINDS.length} kinds, all past their deadline. The scheduler ticks: ` +
      "expire-stale-orders reads Stripe's lists, then asks about every payment.\n",
  );

  const run = await watch(stack, sql, "expire-stale-orders", (run) => ({ done: sum(run, DECIDED), all, of: "orders" }));
  const [metrics] = await readRest(stack, `lapse_metrics?job=eq.expire-stale-orders&select=${METRICS.join(",")}`);
  const after = await readStock(sql);
  const kinds = reportKinds(KINDS, shop, await readFates(sql));
  const problems = [...problemsOf(run), ...findProblems(kinds, before, after)];
  return { kinds, stock: { before, after }, run, metrics: metrics!, problems };
}

/** Part two: a year of payments that nobody cleaned up. */
async function cleanUp(stack: Stack, sql: postgres.Sql): Promise<CleanupReport> {
  const { control } = stack.simulator!;
  const year = await fillYear(sql, control);
  const payments = year.reduce((sum, { ids }) => sum + ids.length, 0);
  const all = toDecide();
  say(
    `\nPart two: ${payments} payments of a year before Lapse, most of them healthy, many not the shop's. Sunday, ` +
      "03:00: cleanup-stale-payment-intents reads Stripe's lists and cancels payments that can only do harm.\n",
  );

  const run = await watch(stack, sql, "cleanup-stale-payment-intents", (run) => ({
    done: sum(run, CLEANED),
    all,
    of: "payments",
  }));
  const report = await reportYear(sql, control, year);
  const alerts = await readRest(
    stack,
    "lapse_alerts?resolved_at=is.null&key=like.late_payment*&select=key,message,details",
  );
  const late = report.find(({ expected }) => expected === "late_payment")!.payments;
  const problems = [
    ...problemsOf(run),
    ...report.filter(({ asExpected }) => !asExpected)
      .map(({ kind, expected, became }) => `"${kind}" had to be ${expected}: ${JSON.stringify(became)}`),
  ];
  if (alerts.length !== late) problems.push(`${late} late payments raised ${alerts.length} alerts`);
  return { run, payments: report, lateAlerts: alerts.length, problems };
}

/** Dispatches a job and shows its progress: first Stripe's lists, then orders or payments. */
async function watch(
  stack: Stack,
  sql: postgres.Sql,
  job: string,
  progressOf: (run: WatchedRun) => { done: number; all: number; of: string },
): Promise<WatchedRun> {
  const bar = createBar();
  const { control } = stack.simulator!;
  const before = control.mark();
  const pages = () => control.countCalls({ since: before, endpoint: "payment_intents.list" });
  const run = await runAsScheduler(stack, sql, job, (run) => {
    const { done, all, of } = progressOf(run);
    if (!json) bar.show(done, all, done > 0 ? `${done} of ${all} ${of}` : `${pages()} pages of Stripe's list`);
  });
  const { done, all, of } = progressOf(run);
  const seconds = (Number(run.durationMs ?? 0) / 1_000).toFixed(1);
  if (!json) bar.clear();
  say(`${done} of ${all} ${of} in ${seconds} s, with ${control.mark() - before} calls to Stripe.`);
  return run;
}

function problemsOf({ status, error, job }: WatchedRun): string[] {
  return status === "succeeded" ? [] : [`${job} ended as ${status}: ${error}`];
}

function sum(run: WatchedRun, counters: string[]): number {
  return counters.reduce((total, counter) => total + Number(run[counter]), 0);
}
