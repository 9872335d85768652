import postgres from "postgres";
import { type Bench, FUNCTION, type JobName, type RunOptions, type RunOutcome } from "./bench.ts";
import { MINUTE } from "./time.ts";
import { type AtStep, createWire } from "./wire.ts";

/** What becomes of a request of pg_net. */
export type Delivery = "once" | "twice" | "never";

export type Queued = { run_id: string; job: JobName; request_id: string };

/** `atStep` is for the first process of a tick, `always` for those that have no such hook, `atDispatch` for the tick of pg_cron itself. */
export type TickOptions = RunOptions & {
  delivery?: (request: Queued) => Delivery | Promise<Delivery>;
  always?: AtStep;
  atDispatch?: AtStep;
};

/** One tick of pg_cron, and pg_net's deliveries until its queue is empty, continuations included. */
export async function tick(
  bench: Bench,
  { job = "expire-stale-orders", atDispatch, ...options }: TickOptions = {},
): Promise<RunOutcome[]> {
  await dispatch(bench, job, atDispatch);
  return await deliver(bench, options);
}

/** What pg_net has queued, delivered until the queue is empty. */
export async function deliver(
  bench: Bench,
  { delivery = () => "once", atStep, always, ...options }: Omit<TickOptions, "job" | "atDispatch"> = {},
): Promise<RunOutcome[]> {
  const outcomes: RunOutcome[] = [];
  let began = 0;
  for (let batch = await takeQueued(bench); batch.length > 0; batch = await takeQueued(bench)) {
    if (outcomes.length > 200) throw new Error("Cannot empty the queue: continuations go on for ever");
    for (const request of batch) {
      const { run_id, job } = request;
      const times = { once: 1, twice: 2, never: 0 }[await delivery(request)];
      const deliveries = Array.from({ length: times }, () => {
        const hook = (began++ === 0 ? atStep : undefined) ?? always;
        return bench.run({ ...options, atStep: hook, job, run: { runId: run_id, trigger: "schedule" } });
      });
      outcomes.push(...await Promise.all(deliveries));
    }
  }
  return outcomes;
}

/**
 * The one step of a tick. What befalls it there stands in pg_cron's log and nowhere else; it is on a connection of its own then, as with
 * pg_cron, or the next tick would inherit a broken one.
 */
async function dispatch({ sql, databaseUrl, time }: Bench, job: JobName, atDispatch?: AtStep): Promise<void> {
  const call = (sql: postgres.Sql) =>
    sql`select lapse.dispatch(p_job => ${job}, p_now => ${time.now().toISOString()}::timestamptz)`;
  if (!atDispatch) return void await call(sql);
  // The driver reads the types unasked; nobody could catch its error if the connection broke meanwhile.
  const own = postgres(databaseUrl, {
    max: 1,
    onnotice: () => {},
    fetch_types: false,
    connection: { application_name: FUNCTION },
  });
  const wire = createWire(atDispatch);
  const asked = wire.pass(
    { place: "database", name: "lapse.dispatch" },
    () => call(own).then(() => ({ error: null }), (error) => ({ error })),
  );
  await Promise.race([asked.catch(() => {}), wire.dead]);
  await own.end({ timeout: 0 });
}

async function takeQueued({ sql }: Bench): Promise<Queued[]> {
  const rows = await sql<{ body: string }[]>`
    with taken as (delete from net.http_request_queue returning id, convert_from(body, 'utf8') as body)
    select body from taken order by id`;
  const ids = rows.map(({ body }) => JSON.parse(body).runId as string);
  return await sql<Queued[]>`select id as run_id, job, request_id from lapse.runs where id = any (${ids}::uuid[])`;
}

/** What pg_cron calls every minute. */
export async function watch({ sql, time }: Bench): Promise<void> {
  await sql`call lapse.watch(p_now => ${time.now().toISOString()}::timestamptz)`;
}

/** How far apart the ticks of the schedule are. */
const TICK = 5 * MINUTE;

/** Five minutes pass, as between two ticks of the schedule: every lease of the dead has run out, and the watch has looked. */
export async function nextTick(bench: Bench, options: TickOptions = {}): Promise<RunOutcome[]> {
  bench.time.advance(TICK);
  await watch(bench);
  return await tick(bench, options);
}

/**
 * Goes from tick to tick of the schedule, past those with nothing due, until nothing is due within the horizon. Answers how many ticks
 * that took.
 *
 * @throws after `most` ticks.
 */
export async function tickUntilQuiet(
  bench: Bench,
  { withinMs, most = 60 }: { withinMs: number; most?: number },
): Promise<number> {
  const until = bench.time.now().getTime() + withinMs;
  for (let ticks = 0;; ticks++) {
    const [row] = await bench.sql<{ due: Date | null }[]>`
      select least(min(next_check_at), (select min(next_attempt_at) from lapse.refunds)) as due
      from lapse.orders where status <> 'unknown'`;
    const due = row!.due?.getTime() ?? Infinity;
    if (due > until) return ticks;
    if (ticks >= most) {
      throw new Error(`6: after ${ticks} ticks an order or a refund is still due: ${await stillDue(bench.sql)}`);
    }
    // An order that falls due is taken once Stripe's lists were read past that moment, which needs a minute more.
    const now = bench.time.now().getTime();
    const next = Math.max(Math.ceil((due + MINUTE + 1) / TICK), Math.floor(now / TICK) + 1) * TICK;
    bench.time.advance(next - now);
    await tick(bench);
  }
}

/** What is due first, and how the last runs ended. */
async function stillDue(sql: postgres.Sql): Promise<string> {
  const rows = await sql<{ line: string }[]>`
    (select concat_ws(' ', 'order', ref, status, reason, account, next_check_at, 'failures', failures, 'run', run_id) as line
      from lapse.orders where next_check_at is not null and status <> 'unknown' order by next_check_at limit 3)
    union all
    (select concat_ws(' ', 'refund', ref, status, next_attempt_at, 'attempts', attempts, error) from lapse.refunds
      where next_attempt_at is not null order by next_attempt_at limit 3)
    union all
    (select concat_ws(' ', job, status, started_at, error) from lapse.runs order by created_at desc limit 3)
    union all
    (select concat_ws(' ', list, read_to, failing_since, error) from lapse.list_cursors)`;
  return rows.map(({ line }) => line).join("; ");
}
