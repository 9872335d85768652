/** What else has to be true once faults stopped, every lease ran out and one tick passed (promises 6, 8 and 9 of docs/design.md). */
import assert from "node:assert/strict";
import { brokenInDatabase, brokenPromises, type DatabaseInput, type OracleInput } from "./oracle.ts";
import { named } from "./promises.ts";
import { lostUnits, unexplainedReleases } from "./stock.ts";

/** `onHand`: units on the shelves before the first order, by SKU. */
type Shelves = { onHand: Record<string, number> };
export type AtRestInput = OracleInput & Shelves;

/** Fails with every promise that does not hold, those of a shop at rest included. */
export async function assertAtRest(input: AtRestInput): Promise<void> {
  const broken = await brokenAtRest(input);
  assert.deepEqual(broken, [], named(broken));
}

/** One sentence per broken promise; empty when all hold. */
export async function brokenAtRest(input: AtRestInput): Promise<string[]> {
  return [...await brokenPromises(input), ...await restless(input)];
}

/** The same for shop and ledger only, for tests without a Stripe account. */
export async function assertDatabaseAtRest(input: DatabaseInput & Shelves): Promise<void> {
  const broken = [...await brokenInDatabase(input), ...await restless(input)];
  assert.deepEqual(broken, [], named(broken));
}

async function restless(input: DatabaseInput & Shelves): Promise<string[]> {
  return [
    ...await claimed(input),
    ...await unendedRuns(input),
    ...await lostUnits(input),
    ...await unexplainedReleases(input),
    ...await disagreements(input),
    ...await unread(input),
  ];
}

async function claimed({ sql }: DatabaseInput): Promise<string[]> {
  const rows = await sql<{ ref: string }[]>`select ref from lapse.orders where status = 'expiring'`;
  return rows.map(({ ref }) => `6: order ${ref} is still expiring`);
}

async function unendedRuns({ sql }: DatabaseInput): Promise<string[]> {
  const rows = await sql<
    { id: string; status: string }[]
  >`select id, status from lapse.runs where finished_at is null`;
  return rows.map(({ id, status }) => `8: run ${id} is still ${status}`);
}

/** By lapse.drift(), and by an independent comparison. */
async function disagreements({ sql }: DatabaseInput): Promise<string[]> {
  const drift = await sql<{ name: string; ref: string }[]>`select name, ref from lapse.drift()`;
  const compared = await sql<{ ref: string; in_shop: string; in_ledger: string }[]>`
    select *
    from (
      select coalesce(o.id::text, l.ref) as ref, coalesce(o.status, 'gone') as in_shop, coalesce(l.status, 'missing') as in_ledger,
        coalesce(l.reason = 'late_payment', false) as is_late,
        exists (select from lapse.payments p where p.ref = l.ref and p.state = 'open') as is_payable
      from public.orders o
      full join (select * from lapse.orders where status <> 'unknown') l on l.ref = o.id::text
    ) x
    where not case in_shop
      when 'pending' then in_ledger in ('pending', 'quarantined')
      when 'paid' then in_ledger = 'paid'
      -- The shop closed it by itself: a payment may still have to be cancelled, or money came and a person decides.
      else in_ledger = 'expired' or in_ledger in ('pending', 'quarantined') and (is_payable or is_late)
    end`;
  return [
    ...drift.map(({ name, ref }) => `9: lapse.drift() names order ${ref}: ${name}`),
    ...compared.map(({ ref, in_shop, in_ledger }) =>
      `9: order ${ref} is ${in_shop} in the shop and ${in_ledger} in the ledger`
    ),
  ];
}

/** The inbox was folded, and unreadable entries raised an alert. */
async function unread({ sql }: DatabaseInput): Promise<string[]> {
  const rows = await sql<{ kind: string; ref: string; error: string | null }[]>`
    select kind, ref, error from lapse.inbox i
    where error is null or not exists (select from lapse.alerts a where a.key like 'inbox%')`;
  return rows.map(({ kind, ref, error }) => `9: a note (${kind}) of order ${ref} waits: ${error ?? "nobody read it"}`);
}
