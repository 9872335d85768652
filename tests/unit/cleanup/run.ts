import { createExpectedCalls } from "../../../functions/_shared/budget/expected-calls.ts";
import type { JobsDatabase } from "../../../functions/_shared/database/jobs-database.ts";
import type { StalePayment, StalePaymentDecision, SweepPage } from "../../../functions/_shared/payments.ts";
import type { JobResult } from "../../../functions/_shared/run/job.ts";
import type { Log } from "../../../functions/_shared/run/log.ts";
import type { IntentPage } from "../../../functions/_shared/stripe/gateway.ts";
import { cleanupStalePaymentIntents } from "../../../functions/cleanup-stale-payment-intents/cleanup-stale-payment-intents.ts";
import { at, DAY, NOW } from "../stripe/builders.ts";
import { type fakeStripe, ok } from "../stripe/fake-stripe.ts";
import { SETTINGS } from "../expire/shop.ts";

export type World = {
  stripe: ReturnType<typeof fakeStripe>;
  /** What the database hands out, batch by batch; then nothing. */
  batches?: StalePayment[][];
  /** Stripe's list, page by page; without it there is no slice to walk. */
  pages?: IntentPage[];
  /** What the database knows of an intent of a page. */
  known?: (stripeId: string) => StalePayment;
};

export type Ran = {
  result: JobResult;
  decisions: StalePaymentDecision[];
  pages: SweepPage[];
  /** Up to when payments of the revisit list were asked for, each time. */
  dueBys: Date[];
  slices: number;
};

/** Runs the whole job over a database and a Stripe in memory. Its clock moves on by a second at each look. */
export async function runCleanup({ stripe, batches = [], pages = [], known }: World): Promise<Ran> {
  const ran: Omit<Ran, "result"> = { decisions: [], pages: [], dueBys: [], slices: 0 };
  let looks = 0;
  const cursors: (string | null)[] = [];
  const slice = { id: 1, createdFrom: at(-30 * DAY), createdTo: at(-7 * DAY), cursor: null, reached: at(-7 * DAY) };
  const database = {
    stalePayments: (_: boolean, { dueBy }: { dueBy: Date }) => {
      ran.dueBys.push(dueBy);
      return Promise.resolve(batches.shift() ?? []);
    },
    inspectPayments: (_: boolean, intents: { stripeId: string }[]) =>
      Promise.resolve(intents.map(({ stripeId }) => known!(stripeId))),
    planEnds: () => Promise.resolve(true),
    settlePayments: (_: unknown, batch: { decisions: StalePaymentDecision[]; page: SweepPage | null }) => {
      ran.decisions.push(...batch.decisions);
      if (batch.page) ran.pages.push(batch.page);
      return Promise.resolve({ outcomes: {} });
    },
    nextSlice: () => Promise.resolve(++ran.slices === 1 && pages.length > 0 ? slice : null),
  } as unknown as JobsDatabase;
  const listIntents = ({ startingAfter }: { startingAfter: string | null }) => {
    if (cursors.includes(startingAfter)) throw new Error(`Cannot list after ${startingAfter} a second time`);
    cursors.push(startingAfter);
    return Promise.resolve(ok(pages[cursors.length - 1]!));
  };
  const log: Log = { info: () => {}, error: () => {}, with: () => log };
  const result = await cleanupStalePaymentIntents({
    database,
    gateway: { ...stripe.gateway, listIntents },
    expected: createExpectedCalls(),
    log,
    clock: { now: () => new Date(NOW.getTime() + looks++ * 1_000), monotonic: () => 0, sleep: () => Promise.resolve() },
    deadline: { claim: at(3_600_000), call: at(3_700_000) },
  }, { lease: { runId: "run", fence: 7 }, dryRun: false, limit: Number.POSITIVE_INFINITY, settings: SETTINGS });
  return { result, ...ran };
}
