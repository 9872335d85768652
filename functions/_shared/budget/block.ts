import type { ReservedCalls } from "../database/contracts.ts";
import type { Moment } from "./database-time.ts";

/** What is left of a block of reserved slots. Times are the clock's monotonic ones. */
export type Block = {
  nextAt: number;
  left: number;
  intervalMs: number;
  perSecond: number;
  accountPerSecond: number;
  /** A slot this much overdue is given up. */
  overdueMs: number;
  /** As many were given up from the start, because the next block may be running by then. */
  givenUp: number;
};

/**
 * So far from its place, in all, may a call leave: behind it another isolate's block may be running. Used late, a block of 20 a
 * second adds at most a quarter of that to the second of the next block, and that makes 25: what Stripe allows.
 */
const TOLERANCE_MS = 250;

/** So much of it may be spent on not knowing when a block begins; the rest is for slots that are overdue. */
const UNCERTAIN_MS = TOLERANCE_MS / 2;

/**
 * Places a block that the database counts from a moment which is known as a range only. It begins no earlier than it can have been
 * meant to, or it would reach into the block before; and as many of its last slots are given up as may lie in the block after.
 */
export function blockOf(
  { count, startsInMs, intervalMs, perSecond, accountPerSecond }: ReservedCalls,
  { earliest, latest }: Moment,
): Block {
  const uncertain = latest - earliest;
  const tolerated = Math.min(uncertain, UNCERTAIN_MS);
  const givenUp = Math.ceil((uncertain - tolerated) / intervalMs);
  return {
    nextAt: latest + startsInMs,
    left: Math.max(count - givenUp, 0),
    intervalMs,
    perSecond,
    accountPerSecond,
    overdueMs: TOLERANCE_MS - tolerated,
    givenUp,
  };
}

/** Gives up the slots that are overdue. */
export function dropOverdue(block: Block, now: number): void {
  const overdue = Math.ceil((now - block.overdueMs - block.nextAt) / block.intervalMs);
  const dropped = Math.min(Math.max(overdue, 0), block.left);
  block.nextAt += dropped * block.intervalMs;
  block.left -= dropped;
}
