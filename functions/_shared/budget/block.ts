import type { ReservedCalls } from "../database/contracts.ts";

/** What is left of a block of reserved slots. Times are the clock's monotonic ones. */
export type Block = {
  nextAt: number;
  left: number;
  intervalMs: number;
  perSecond: number;
  accountPerSecond: number;
};

/**
 * A slot this much overdue is given up: by then another isolate's block may be running. Used late, a block of 20 a second adds at
 * most a quarter of that to the second of the next block, and that makes 25: what Stripe allows.
 */
export const OVERDUE_MS = 250;

/** A block counts from the question, not from the answer: counted late, it would reach into another isolate's next one. */
export function blockOf(
  { count, startsInMs, intervalMs, perSecond, accountPerSecond }: ReservedCalls,
  askedAt: number,
): Block {
  return { nextAt: askedAt + startsInMs, left: count, intervalMs, perSecond, accountPerSecond };
}

/** Gives up the slots that are overdue. */
export function dropOverdue(block: Block, now: number): void {
  const overdue = Math.ceil((now - OVERDUE_MS - block.nextAt) / block.intervalMs);
  const dropped = Math.min(Math.max(overdue, 0), block.left);
  block.nextAt += dropped * block.intervalMs;
  block.left -= dropped;
}
