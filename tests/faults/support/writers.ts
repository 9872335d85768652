import postgres from "postgres";
import { seededRandom } from "../../../local/stripe-simulator/random.ts";

/** What many writers did to one shop at once. `slow`: how long each write of the shop took, in milliseconds. */
export type Traffic = { counts: Record<string, number>; errors: string[]; slow: { what: string; ms: number }[] };

/** One writer: acts again and again until the time is over. `shop`: a write of the shop, whose time counts. */
type Writer = { name: string; shop: boolean; sessions: number; allowed: string[]; act(world: Writing): Promise<void> };

type Writing = { sql: postgres.Sql; random: () => number; orders: string[]; runs: { job: string; takesOver: boolean } };

const PAYMENTS = "public.noted_payments";
/** Refused as it should be: an order that takes no payment any more. */
const CLOSED = "PT409";
/** Lapse gives way where the shop holds a row (55P03), and a run that lost its lease is refused (LP001). */
const OF_RUNS = ["LP001", "55P03"];

const pick = <T>(random: () => number, list: T[]): T | undefined => list[Math.floor(random() * list.length)];
const payment = (random: () => number) => `pi_${Math.floor(random() * 2 ** 52).toString(36)}`;

const WRITERS: Writer[] = [
  { name: "checkout", shop: true, sessions: 3, allowed: [CLOSED], act: buy },
  { name: "plain update", shop: true, sessions: 1, allowed: [], act: change },
  { name: "attachment by trigger", shop: true, sessions: 1, allowed: [], act: attachByTrigger },
  { name: "attachment by call", shop: true, sessions: 1, allowed: [CLOSED], act: attachByCall },
  { name: "admin", shop: true, sessions: 1, allowed: [], act: closeByHand },
  { name: "webhook", shop: true, sessions: 2, allowed: [], act: markPaid },
  { name: "run", shop: false, sessions: 2, allowed: OF_RUNS, act: work },
  { name: "run that takes over", shop: false, sessions: 1, allowed: OF_RUNS, act: takeOver },
];

/** Lets all of them write to one database for so many seconds. */
export async function writeAll(
  databaseUrl: string,
  { seconds, seed }: { seconds: number; seed: number },
): Promise<Traffic> {
  const traffic: Traffic = { counts: {}, errors: [], slow: [] };
  const orders: string[] = [];
  const until = performance.now() + seconds * 1_000;
  const sessions = WRITERS.flatMap((writer) => Array.from({ length: writer.sessions }, (_, n) => ({ writer, n })));
  await Promise.all(sessions.map(async ({ writer, n }, index) => {
    const sql = postgres(databaseUrl, { max: 1, onnotice: () => {}, connection: { application_name: writer.name } });
    const random = seededRandom(seed + index);
    const runs = { job: n % 2 ? "cleanup-stale-payment-intents" : "expire-stale-orders", takesOver: false };
    try {
      while (performance.now() < until) {
        const from = performance.now();
        const told = await writer.act({ sql, random, orders, runs }).then(
          () => "ok",
          (error) => tellOf(writer, error, traffic),
        );
        if (writer.shop) traffic.slow.push({ what: writer.name, ms: performance.now() - from });
        const key = `${writer.name}: ${told}`;
        traffic.counts[key] = (traffic.counts[key] ?? 0) + 1;
        await new Promise((resolve) => setTimeout(resolve, random() * 10));
      }
    } finally {
      await sql.end({ timeout: 5 });
    }
  }));
  return traffic;
}

function tellOf({ name, allowed }: Writer, error: unknown, traffic: Traffic): string {
  const { code = "", message } = error as { code?: string; message: string };
  if (!allowed.includes(code)) traffic.errors.push(`${name}: ${code} ${message}`);
  return code;
}

/** The tables of payments that a shop's own triggers note. */
export async function prepareWriters(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(`
    create table ${PAYMENTS} (payment text primary key, order_id uuid not null references public.orders);
    create trigger lapse_attaches after insert on ${PAYMENTS}
      for each row execute function lapse.tg_attach('order_id', 'payment');
  `).simple();
}

/** Many orders fall due a moment after they were placed. */
async function buy({ sql, random, orders }: Writing): Promise<void> {
  const items = ["tea", "mug"].filter(() => random() < 0.7).map((sku) => ({
    sku,
    quantity: 1 + Math.floor(random() * 3),
  }));
  if (items.length === 0) items.push({ sku: "tea", quantity: 1 });
  const secondsAgo = 32 * 60 + 120 - random() * 180;
  const id = await sql.begin(async (sql) => {
    const [row] = await sql<{ id: string }[]>`
      select id from public.place_order(p_currency => 'eur', p_amount => 2000, p_items => ${sql.json(items)},
        p_now => now() - make_interval(secs => ${secondsAgo}))`;
    if (random() < 0.3) await sql`insert into public.noted_payments values (${payment(random)}, ${row!.id})`;
    return row!.id;
  });
  orders.push(id);
  if (random() < 0.4) await sql`select public.lapse_attach_payment(p_ref => ${id}, p_stripe_id => ${payment(random)})`;
}

/** The shop moves a deadline, or corrects a total. */
async function change({ sql, random, orders }: Writing): Promise<void> {
  const ids = Array.from({ length: 3 }, () => pick(random, orders.slice(-200))).filter((id) => id !== undefined).sort();
  await sql`update public.orders set expires_at = expires_at + interval '20 seconds', amount = amount + 1
    where id = any (${ids}::uuid[]) and status = 'pending'`;
}

async function attachByTrigger({ sql, random, orders }: Writing): Promise<void> {
  const id = pick(random, orders.slice(-100));
  if (id) await sql`insert into public.noted_payments values (${payment(random)}, ${id})`;
}

async function attachByCall({ sql, random, orders }: Writing): Promise<void> {
  const id = pick(random, orders.slice(-50));
  if (id) await sql`select public.lapse_attach_payment(p_ref => ${id}, p_stripe_id => ${payment(random)})`;
}

async function closeByHand({ sql, random, orders }: Writing): Promise<void> {
  const id = pick(random, orders.slice(-400));
  if (id) await sql`select public.close_order(p_order_id => ${id}, p_paid => ${random() < 0.5})`;
}

async function markPaid({ sql, random, orders }: Writing): Promise<void> {
  const id = pick(random, orders.slice(-300));
  if (!id) return;
  const [row] = await sql<{ stripe_id: string }[]>`select stripe_id from lapse.payments where ref = ${id} limit 1`;
  await sql`select public.lapse_mark_paid(p_ref => ${id}, p_stripe_id => ${row?.stripe_id ?? payment(random)})`;
}

/** The next run begins although the last one still works, as after a lease that ran out. */
async function takeOver(world: Writing): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 200));
  await world
    .sql`update lapse.jobs set lease_until = now() - interval '1 second' where job = 'expire-stale-orders' and run_id is not null`;
  await work(world);
}

/** A run as the function makes it, with random decisions, because Stripe's answers do not matter here. */
export async function work({ sql, random, runs: { job } }: Pick<Writing, "sql" | "random" | "runs">): Promise<void> {
  const id = crypto.randomUUID();
  const [begun] = await sql`
    select lapse.begin_run(p_run_id => ${id}, p_job => ${job}, p_trigger => 'server', p_requested_by => 'test', p_reason => null,
      p_dry_run => false, p_limit => null, p_release_brake => false) as answer`;
  if (begun!.answer.answer !== "running") return;
  const { fence } = begun!.answer.run;
  const lease = { id, fence };
  await readLists(sql, lease);
  if (job === "expire-stale-orders") {
    await sql`select lapse.close_without_payments(p_run_id => ${id}, p_fence => ${fence}, p_limit => 200)`;
  }
  for (let claims = 0; claims < 4; claims++) {
    const [row] = await sql`select lapse.claim_orders(p_run_id => ${id}, p_fence => ${fence}, p_limit => 50) as orders`;
    const orders = row!.orders as Claimed[];
    if (orders.length === 0) break;
    const decisions = orders.map((order) => decide(order, random));
    await sql`select lapse.settle_orders(p_run_id => ${id}, p_fence => ${fence}, p_decisions => ${
      sql.json(decisions)
    })`;
  }
  await sql`select lapse.finish_run(p_run_id => ${id}, p_status => 'succeeded', p_error => null, p_stripe_calls => 0, p_stripe_throttled => 0)`;
}

/** Stripe has no unattached payments. */
async function readLists(sql: postgres.Sql, { id, fence }: { id: string; fence: number }): Promise<void> {
  const [row] =
    await sql`select lapse.list_windows(p_run_id => ${id}, p_fence => ${fence}, p_livemode => false) as windows`;
  for (const { account, list, readTo } of row!.windows as { account: string; list: string; readTo: string }[]) {
    await sql`select lapse.record_listed(p_run_id => ${id}, p_fence => ${fence}, p_livemode => false, p_account => ${account}, p_list => ${list},
      p_from => ${readTo}, p_to => now(), p_payments => '[]')`;
  }
}

type Claimed = { ref: string; status: string; attempt: number; payments: { stripeId: string; state: string }[] };

function decide({ ref, status, attempt, payments }: Claimed, random: () => number) {
  const common = { ref, attempt, nextCheckAt: null };
  const dead = payments.map(({ stripeId, state }) => ({
    stripeId,
    state: state === "paid" ? "paid" : "dead",
    outcome: state === "paid" ? "found_paid" : "canceled",
    reason: state === "paid" ? "paid" : "ended_by_run",
    evidence: { status: state === "paid" ? "succeeded" : "canceled" },
  }));
  if (status !== "open") return { ...common, outcome: "checked", reason: "payments_checked", payments: dead };
  if (payments.some(({ state }) => state === "paid")) {
    return { ...common, outcome: "paid", reason: "paid", payments: [] };
  }
  const chance = random();
  if (chance < 0.7) return { ...common, outcome: "expired", reason: "all_dead", payments: dead };
  if (chance < 0.8) {
    const [first, ...others] = dead;
    const paid = {
      ...first!,
      state: "paid",
      outcome: "found_paid",
      reason: "paid",
      evidence: { status: "succeeded", amount_received: 9_999 },
    };
    return { ...common, outcome: "paid", reason: "paid", payments: first ? [paid, ...others] : [] };
  }
  if (chance < 0.9) return { ...common, outcome: "retry", reason: "server_error", payments: [] };
  return { ...common, outcome: "handed_back", reason: "untouched", payments: [] };
}
