/** The promises of docs/design.md, checked against the database and against Stripe's own record. */
import assert from "node:assert/strict";
import type postgres from "postgres";
import type { StripeControl } from "../../local/stripe-simulator/control.ts";
import { cancelledUnderWay, deadAndAlive, expiredAndPaid, moneyThatWasCancelled } from "./at-stripe.ts";
import { named } from "./promises.ts";

export type OracleInput = {
  sql: postgres.Sql;
  stripe: StripeControl;
  /** Calls per second that the budget grants; checked only where a test sets it. */
  budget?: { perEndpoint: number; account: number };
};

/** Fails with every promise that does not hold, in words. Run it after every integration test. */
export async function assertPromises(input: OracleInput): Promise<void> {
  const broken = await brokenPromises(input);
  assert.deepEqual(broken, [], named(broken));
}

/** One sentence per broken promise; empty when all hold. */
export async function brokenPromises(input: OracleInput): Promise<string[]> {
  const found = await Promise.all([
    expiredAndPaid(input),
    unbalancedStock(input),
    reservationsAgainstStatus(input),
    expiredWithoutEvidence(input),
    countersAgainstDecisions(input),
    deadAndAlive(input),
    moneyThatWasCancelled(input),
    cancelledUnderWay(input),
  ]);
  return [...found.flat(), ...overBudget(input)];
}

async function unbalancedStock({ sql }: OracleInput): Promise<string[]> {
  const rows = await sql<{ sku: string; on_hand: number; reserved: number; held: number }[]>`
    select i.sku, i.on_hand, i.reserved, coalesce(sum(r.quantity) filter (where r.state = 'held'), 0)::int as held
    from public.inventory i
    left join public.stock_reservations r using (sku)
    group by i.sku, i.on_hand, i.reserved
    having i.reserved < 0 or i.reserved > i.on_hand
      or i.reserved <> coalesce(sum(r.quantity) filter (where r.state = 'held'), 0)`;
  return rows.map(({ sku, on_hand, reserved, held }) =>
    `2: ${sku} has ${on_hand} on hand, ${reserved} reserved, and orders hold ${held}`
  );
}

async function reservationsAgainstStatus({ sql }: OracleInput): Promise<string[]> {
  const rows = await sql<{ id: string; status: string; state: string }[]>`
    select o.id, o.status, r.state
    from public.orders o
    join public.stock_reservations r on r.order_id = o.id
    where r.state is distinct from case o.status when 'expired' then 'released' when 'paid' then 'consumed' else 'held' end`;
  return rows.map(({ id, status, state }) => `2: order ${id} is ${status} and has a reservation that is ${state}`);
}

async function expiredWithoutEvidence({ sql }: OracleInput): Promise<string[]> {
  const rows = await sql<{ id: string; stripe_id: string; state: string }[]>`
    select o.id, p.stripe_id, p.state
    from public.orders o
    join public.order_payments p on p.order_id = o.id
    where o.status = 'expired' and (p.state <> 'dead' or p.evidence is null)
      -- Money that the shop reports after the expiry is recorded as paid, and an operator is told.
      and not (p.state = 'paid' and p.closed_at >= o.expired_at
        and exists (select from public.job_alerts a where a.key = 'late_payment:' || o.id))`;
  return rows.map(({ id, stripe_id, state }) => `3: order ${id} is expired and its payment ${stripe_id} is ${state}`);
}

async function countersAgainstDecisions({ sql }: OracleInput): Promise<string[]> {
  const rows = await sql<{ what: string }[]>`
    with counted as (
      select run_id, job,
        count(*) filter (where outcome = 'expired') as payments_expired,
        count(*) filter (where subject = 'payment_intent' and outcome = 'canceled') as payment_intents_canceled,
        count(*) filter (where subject = 'checkout_session' and outcome = 'canceled') as checkout_sessions_expired,
        coalesce(sum(units_released), 0) as stock_released,
        count(*) filter (where outcome = 'paid') as orders_paid,
        count(*) filter (where outcome = 'waiting') as orders_waiting,
        count(*) filter (where outcome = 'retry') as orders_retried,
        count(*) filter (where outcome = 'quarantined') as orders_quarantined,
        count(*) filter (where outcome = 'late_payment') as late_payments,
        count(*) filter (where outcome = 'kept') as payments_kept
      from public.job_decisions
      group by run_id, job
    ),
    totals as (
      select job, sum(payments_expired) as payments_expired, sum(payment_intents_canceled) as payment_intents_canceled,
        sum(checkout_sessions_expired) as checkout_sessions_expired, sum(stock_released) as stock_released,
        sum(orders_paid) as orders_paid, sum(orders_waiting) as orders_waiting, sum(orders_retried) as orders_retried,
        sum(orders_quarantined) as orders_quarantined, sum(late_payments) as late_payments, sum(payments_kept) as payments_kept
      from counted
      group by job
    )
    select 'run ' || r.id as what
    from public.job_runs r
    left join counted c on c.run_id = r.id
    where (r.payments_expired, r.payment_intents_canceled, r.checkout_sessions_expired, r.stock_released, r.orders_paid,
           r.orders_waiting, r.orders_retried, r.orders_quarantined, r.late_payments, r.payments_kept)
      is distinct from (
        coalesce(c.payments_expired, 0), coalesce(c.payment_intents_canceled, 0), coalesce(c.checkout_sessions_expired, 0),
        coalesce(c.stock_released, 0), coalesce(c.orders_paid, 0),
        coalesce(c.orders_waiting, 0), coalesce(c.orders_retried, 0), coalesce(c.orders_quarantined, 0),
        coalesce(c.late_payments, 0), coalesce(c.payments_kept, 0))
    union all
    select 'job ' || m.job
    from public.job_metrics m
    left join totals t using (job)
    where (m.payments_expired_total, m.payment_intents_canceled_total, m.checkout_sessions_expired_total,
           m.stock_released_total, m.orders_paid_total, m.orders_waiting_total, m.orders_retried_total,
           m.orders_quarantined_total, m.late_payments_total, m.payments_kept_total)
      is distinct from (
        coalesce(t.payments_expired, 0), coalesce(t.payment_intents_canceled, 0), coalesce(t.checkout_sessions_expired, 0),
        coalesce(t.stock_released, 0), coalesce(t.orders_paid, 0), coalesce(t.orders_waiting, 0),
        coalesce(t.orders_retried, 0), coalesce(t.orders_quarantined, 0), coalesce(t.late_payments, 0),
        coalesce(t.payments_kept, 0))`;
  return rows.map(({ what }) => `4: the counters of ${what} do not equal its decisions`);
}

function overBudget({ stripe, budget }: OracleInput): string[] {
  if (budget === undefined) return [];
  const refused = stripe.rateLimitedCalls();
  const over = Object.entries(stripe.peaks()).filter(([endpoint, peak]) =>
    peak > (endpoint === "global" ? budget.account : budget.perEndpoint)
  );
  return [
    ...over.map(([endpoint, peak]) => `5: ${endpoint} saw ${peak} calls in one second`),
    ...(refused.length > 0 ? [`5: Stripe refused ${refused.length} calls for their rate`] : []),
  ];
}
