import type { Claim } from "../_shared/database/claimed-orders.ts";
import type { Settings } from "../_shared/database/contracts.ts";
import { reasonOf } from "../_shared/errors.ts";
import type { Ports } from "../_shared/run/job.ts";
import { policyOf } from "../_shared/run/policy-of.ts";
import {
  type ExaminedBatch,
  examineOrders,
  type ExamineOrdersOptions,
  failedDecision,
} from "../_shared/stripe/examine-orders.ts";
import { expectEnds } from "../_shared/stripe/expect-ends.ts";
import { readInPages } from "../_shared/stripe/read-in-pages.ts";

/**
 * Orders of one batch that ask Stripe at the same time. More than calls are under way: the others stand in line for slots of the call
 * budget, which are reserved for those in line, up to 128 at a time. Two batches keep that many there.
 */
const ORDERS_IN_FLIGHT = 64;

export type ExamineClaimOptions =
  & { settings: Settings; dryRun: boolean }
  & Pick<ExamineOrdersOptions, "evidence" | "halted">;

/** Asks Stripe about the orders of a claim. One that could not be read is a failed attempt of its own, and asks nothing. */
export async function examineClaim(
  { orders, unreadable }: Claim,
  { database, gateway, expected, clock, deadline, log }: Ports,
  { settings, dryRun, evidence, halted }: ExamineClaimOptions,
): Promise<ExaminedBatch> {
  for (const { id, issue } of unreadable) log.error("order_unreadable", { order_id: id, issue });
  const own = unreadable.map((order) => failedDecision(order, "order_unreadable"));
  try {
    const paged = await readInPages(orders, { gateway, countIntents: database.countIntents, clock: clock.now });
    // A dry run ends nothing.
    const ends = expectEnds(dryRun ? [] : orders, { gateway: paged, expected });
    const batch = await examineOrders(orders, {
      gateway: ends.gateway,
      deadline: deadline.call,
      clock: clock.now,
      sleep: clock.sleep,
      random: Math.random,
      policy: policyOf(settings),
      dryRun,
      maxInFlight: ORDERS_IN_FLIGHT,
      halted,
      evidence,
      onExamined: ends.over,
      onInternalError: (orderId, error) => log.error("order_broke", { order_id: orderId, error: reasonOf(error) }),
    });
    // Those that were not begun.
    orders.forEach(ends.over);
    return { ...batch, decisions: [...own, ...batch.decisions] };
  } catch (error) {
    // Before the first order was looked at: all of them go back as they were.
    return { decisions: own, untouched: orders.map(({ id }) => id), stop: null, broken: { error } };
  }
}
