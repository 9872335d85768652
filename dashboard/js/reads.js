// Everything that the page reads. Each read is served by an index and has a limit; tests/rest/dashboard_plans_test.ts shows the plans.

export const JOBS = ["expire-stale-orders", "cleanup-stale-payment-intents"];
/** PostgREST gives no more rows at once. */
export const MOST_ORDERS = 1_000;
export const MOST_RUNS = 60;
export const MOST_DECISIONS = 200;
export const MOST_REFUNDS = 200;
const MOST_ALERTS = 100;

/** @throws Error with what the project said; `signedOut` when it no longer accepts the session. */
async function rows(query) {
  const { data, error, status } = await query;
  if (!error) return data;
  const failure = new Error(`Cannot read from the project: ${error.message || "it does not answer"}`);
  failure.signedOut = status === 401;
  throw failure;
}

export const readMetrics = (client) => rows(client.from("lapse_metrics").select());
export const readSchedules = (client) => rows(client.from("lapse_schedules").select().in("job", JOBS));
export const readJobs = (client) => rows(client.from("lapse_jobs").select("job, has_brake, brake_on").in("job", JOBS));

export async function readOpenAlerts(client) {
  const open = await rows(client.from("lapse_alerts").select().is("resolved_at", null).limit(MOST_ALERTS));
  const gravity = ({ severity }) => severity === "critical" ? 0 : 1;
  return open.sort((a, b) => gravity(a) - gravity(b) || a.id - b.id);
}

/** The alert that was closed last, as a list of one or none. */
export const readLastClosedAlert = (client) =>
  rows(
    client.from("lapse_alerts").select("resolved_at").not("resolved_at", "is", null)
      .order("resolved_at", { ascending: false }).limit(1),
  );

/** The daily figures since a UTC date. */
export async function readDays(client, since) {
  const of = (job) => client.from("lapse_metrics_daily").select().eq("job", job).gte("day", since).order("day");
  return (await Promise.all(JOBS.map((job) => rows(of(job))))).flat();
}

/** The last runs, newest first: of one job, or of each, as many of each as fit. `before`: only older ones. */
export async function readRuns(client, { jobs = JOBS, limit = MOST_RUNS, before = null } = {}) {
  const lists = await Promise.all(jobs.map((job) => {
    const all = client.from("lapse_runs").select().eq("job", job);
    const older = before === null ? all : all.lt("created_at", before);
    return rows(older.order("created_at", { ascending: false }).limit(limit));
  }));
  return lists.flat().sort((a, b) => b.created_at < a.created_at ? -1 : 1).slice(0, limit);
}

/** One run as a list of one or none. */
export const readRun = (client, id) => rows(client.from("lapse_runs").select().eq("id", id));

/** Whether Stripe's key is a live one, as the last runs found it; null while no run has asked. */
export async function readLivemode(client) {
  return (await readRuns(client, { limit: 10 })).find(({ livemode }) => livemode !== null)?.livemode ?? null;
}

const DECISION = "id, run_id, job, subject, ref, stripe_id, outcome, reason, units_released, next_check_at, decided_at";

/** Decisions of one run; without an order, which would read all of them before the first. */
export async function readDecisionsOfRun(client, id, outcome = null) {
  const all = client.from("lapse_decisions").select(DECISION).eq("run_id", id);
  const found = await rows((outcome === null ? all : all.eq("outcome", outcome)).limit(MOST_DECISIONS));
  return found.sort((a, b) => a.id - b.id);
}

const ORDER =
  "ref, status, reason, amount, currency, account, method, channel, placed_at, deadline, hold_until, grace_until, " +
  "next_check_at, due_since, looks, failures, closed_at";

/** All but `unknown`, which names payments that no order has. */
const KNOWN = ["pending", "expiring", "quarantined", "expired", "paid"];

/** Orders that are due now, the oldest first. */
export const readDue = (client, now) =>
  rows(
    client.from("lapse_orders").select(ORDER).lte("next_check_at", now.toISOString()).in("status", KNOWN)
      .order("next_check_at").order("ref").limit(MOST_ORDERS),
  );

/** Orders past their deadline that were inspected and left open, because a payment may still succeed or an attempt failed. */
export const readWaiting = (client, now) =>
  rows(
    client.from("lapse_orders").select(ORDER).eq("status", "pending").lte("due_since", now.toISOString()).gt("looks", 0)
      .gt("next_check_at", now.toISOString()).order("due_since").limit(MOST_ORDERS),
  );

export const readQuarantined = (client) =>
  rows(client.from("lapse_orders").select(ORDER).eq("status", "quarantined").order("ref").limit(MOST_ORDERS));

/** One order as a list of one or none. */
export const readOrder = (client, ref) => rows(client.from("lapse_orders").select(ORDER).eq("ref", ref));

/** Refs that mean the same inside a list of PostgREST's as outside. */
const LISTABLE = /^[\w.:@/ -]+$/;

/** Those of these orders that the ledger has and that can be listed. */
export function readOrders(client, refs) {
  const listed = refs.filter((ref) => LISTABLE.test(ref));
  return listed.length === 0 ? [] : rows(client.from("lapse_orders").select(ORDER).in("ref", listed));
}

export const readPayments = (client, ref) =>
  rows(client.from("lapse_payments").select().eq("ref", ref).order("attached_at").limit(MOST_DECISIONS));

const REFUND =
  "id, stripe_id, ref, account, reason, status, amount, currency, refund_id, error, held_since, created_at, ended_at";

/** The refunds of one order. */
export const readRefundsOf = (client, ref) =>
  rows(client.from("lapse_refunds").select(REFUND).eq("ref", ref).order("created_at").limit(MOST_REFUNDS));

/** Every refund that is held, the last ones that failed, and the newest of the others. */
export async function readRefunds(client) {
  const all = () => client.from("lapse_refunds").select(REFUND);
  const newest = (query) => rows(query.order("created_at", { ascending: false }).limit(MOST_REFUNDS));
  const [held, failed, others] = await Promise.all([
    rows(all().not("held_since", "is", null).order("held_since").limit(MOST_REFUNDS)),
    newest(all().eq("status", "failed")),
    newest(all()),
  ]);
  return [...held, ...failed, ...others.filter((it) => it.held_since === null && it.status !== "failed")];
}

/** The newest decisions about an order and its payments. */
export const readTimeline = (client, ref) =>
  rows(
    client.from("lapse_decisions").select(DECISION).eq("ref", ref).order("id", { ascending: false }).limit(
      MOST_DECISIONS,
    ),
  );

/** Refs that begin with a text, or the ref of a payment with this Stripe id. */
export async function findRefs(client, text) {
  if (/^(pi|cs)_\w+$/.test(text)) {
    return (await rows(client.from("lapse_payments").select("ref").eq("stripe_id", text))).map(({ ref }) => ref);
  }
  // Refs are compared by their bytes, so the range of a prefix ends with the highest character.
  const found = client.from("lapse_orders").select("ref").gte("ref", text).lt("ref", `${text}\u{10FFFF}`);
  return (await rows(found.order("ref").limit(10))).map(({ ref }) => ref);
}

/** What a monitor outside would see: { status: ok | unhealthy | unknown, reasons }. */
export async function readHealth({ url }) {
  try {
    const response = await fetch(`${url}/functions/v1/lapse-health`, { cache: "no-store" });
    const { status, reasons = [] } = await response.json();
    return status === "ok" || status === "unhealthy" ? { status, reasons } : { status: "unknown", reasons: [] };
  } catch {
    return { status: "unknown", reasons: [] };
  }
}

/** Starts a dry run and waits for its report. @throws Error with what the function said. */
export async function dryRun(client, { job, limit }) {
  const { data, error } = await client.functions.invoke(job, { body: { wait: true, dryRun: true, limit } });
  if (!error) return data;
  const said = await error.context?.json?.().catch(() => null);
  throw new Error(`Cannot start a dry run: ${said?.error?.message ?? error.message}`);
}
