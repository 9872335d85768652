/** The promises of docs/design.md that hold at any moment, checked against shop, ledger and Stripe's own record. */
import assert from "node:assert/strict";
import type postgres from "postgres";
import type { StripeControl } from "../../local/stripe-simulator/control.ts";
import { cancelledUnderWay, deadAndAlive, expiredAndPaid, moneyThatWasCancelled, refundedTwice } from "./at-stripe.ts";
import { countersAgainstDecisions } from "./counters.ts";
import { named } from "./promises.ts";
import { reservationsAgainstStatus, unbalancedStock } from "./stock.ts";

/** What is asked of the database alone. */
export type DatabaseInput = { sql: postgres.Sql };

export type OracleInput = DatabaseInput & {
  stripe: StripeControl;
  /** Most calls per second that Lapse may make; checked only where a test runs at its own pace. */
  pace?: { perEndpoint: number; account: number };
};

/** Fails with a description of every broken promise. Run it after every integration test. */
export async function assertPromises(input: OracleInput): Promise<void> {
  const broken = await brokenPromises(input);
  assert.deepEqual(broken, [], named(broken));
}

/** One sentence per broken promise; empty when all hold. */
export async function brokenPromises(input: OracleInput): Promise<string[]> {
  const found = await Promise.all([
    brokenInDatabase(input),
    expiredAndPaid(input),
    deadAndAlive(input),
    moneyThatWasCancelled(input),
    cancelledUnderWay(input),
    refundedTwice(input),
  ]);
  return [...found.flat(), ...overPace(input)];
}

/** The same for shop and ledger only, for tests without a Stripe account. */
export async function brokenInDatabase(input: DatabaseInput): Promise<string[]> {
  const found = await Promise.all([
    unbalancedStock(input),
    reservationsAgainstStatus(input),
    expiredWithoutEvidence(input),
    closedForTheLedgerAlone(input),
    countersAgainstDecisions(input),
  ]);
  return found.flat();
}

/**
 * A payment that Lapse heard of only after it closed the order is open until the next run has inspected it; money among them is told. By their
 * times nobody can say which came first: those are of the moments at which the transactions began.
 */
async function expiredWithoutEvidence({ sql }: DatabaseInput): Promise<string[]> {
  const rows = await sql<{ ref: string; stripe_id: string; state: string }[]>`
    select o.ref, p.stripe_id, p.state
    from lapse.orders o
    join lapse.payments p using (ref)
    where o.status = 'expired' and (p.state <> 'dead' or p.evidence is null)
      and not (p.state = 'open' and o.next_check_at is not null)
      and not (p.state = 'paid' and (
        exists (select from lapse.alerts a where a.key = 'late_payment:' || o.ref)
        or exists (select from lapse.refunds r where r.stripe_id = p.stripe_id)
      ))`;
  return rows.map(({ ref, stripe_id, state }) => `3: order ${ref} is expired and its payment ${stripe_id} is ${state}`);
}

/** The ledger closes an order in the transaction in which the shop does, or after it: never alone. */
async function closedForTheLedgerAlone({ sql }: DatabaseInput): Promise<string[]> {
  const rows = await sql<{ ref: string; status: string; in_shop: string }[]>`
    select l.ref, l.status, o.status as in_shop
    from lapse.orders l
    join public.orders o on o.id::text = l.ref
    where l.status in ('expired', 'paid') and o.status = 'pending'`;
  return rows.map(({ ref, status, in_shop }) =>
    `9: order ${ref} is ${status} in the ledger and ${in_shop} in the shop`
  );
}

function overPace({ stripe, pace }: OracleInput): string[] {
  if (pace === undefined) return [];
  const refused = stripe.rateLimitedCalls();
  const over = Object.entries(stripe.peaks()).filter(([endpoint, peak]) =>
    peak > (endpoint === "global" ? pace.account : pace.perEndpoint)
  );
  return [
    ...over.map(([endpoint, peak]) => `5: ${endpoint} saw ${peak} calls in one second`),
    ...(refused.length > 0 ? [`5: Stripe refused ${refused.length} calls for their rate`] : []),
  ];
}
