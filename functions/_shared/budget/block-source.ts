import { type Block, blockOf } from "./block.ts";
import type { CallBudgetOptions } from "./call-budget.ts";
import type { DatabaseTime } from "./database-time.ts";

/** Where a lane's blocks come from: the database, one block after the other. */
export type BlockSource = {
  /** The next block, for so many calls; null if it was given up on its way. */
  next(demand: number): Promise<Block | null>;
  /** Asks for the next block while the current one is still being used, if so many calls will need it. */
  askAhead(current: Block, demand: number): void;
  /** Gives up what is being reserved, and reserves nothing before Stripe's refusal is reported. */
  drop(report: Promise<unknown>): void;
};

export type BlockSourceOptions = Pick<CallBudgetOptions, "reserve" | "clock" | "deadline"> & {
  /** Settles when the account's last refusal is reported. */
  reported: Promise<unknown>;
  /** Shared by all lanes: each reply tells all of them more. */
  databaseTime: DatabaseTime;
};

/** Most slots asked for at a time. The database grants what fits into six seconds: at 20 calls a second, 116. */
const MAX_BLOCK = 128;

/** With so many slots left, the next block is asked for: the answer arrives before the last of them is due. */
const PREFETCH_AT = 8;

export function createBlockSource(
  endpoint: string,
  { reserve, clock, deadline, reported, databaseTime }: BlockSourceOptions,
): BlockSource {
  let upcoming: Promise<Block> | null = null;
  let lostOnTheWay = 0;
  // Between the slots of the last block; before the first one nobody knows.
  let intervalMs = 0;
  // Counts the refusals: a block that was asked for before the last one is of the old rate, whenever it arrives.
  let generation = 0;
  let reports = reported;

  async function fetchBlock(demand: number): Promise<Block> {
    // A reservation that overtakes the report would be granted at the rate that Stripe just refused.
    await reports;
    const askedAt = clock.monotonic();
    const slots = await reserve(endpoint, Math.min(Math.max(demand, 1) + lostOnTheWay, MAX_BLOCK));
    const answeredAt = clock.monotonic();
    const block = blockOf(slots, databaseTime.momentOf({ now: slots.now, askedAt, answeredAt }));
    intervalMs = slots.intervalMs;
    // Of a database that takes this long to answer, so many slots more are asked for: or none might ever arrive in time.
    const late = answeredAt - block.nextAt;
    lostOnTheWay = block.givenUp + (late > block.overdueMs ? Math.ceil(late / slots.intervalMs) : 0);
    return block;
  }

  /** Slots after the deadline would only hold up the next run. */
  function inTime(demand: number): number {
    if (intervalMs === 0) return demand;
    return Math.min(demand, Math.ceil((deadline.getTime() - clock.now().getTime()) / intervalMs));
  }

  return {
    async next(demand) {
      const asked = generation;
      const next = upcoming ?? fetchBlock(inTime(demand));
      upcoming = null;
      const fetched = await next;
      return asked === generation ? fetched : null;
    },
    askAhead({ left }, demand) {
      const wanted = inTime(demand) - left;
      if (upcoming !== null || left > PREFETCH_AT || wanted <= 0) return;
      upcoming = fetchBlock(wanted);
      // Whoever takes the block meets the error; nobody may be left to meet it.
      upcoming.catch(() => {});
    },
    drop(report) {
      generation += 1;
      upcoming = null;
      reports = Promise.allSettled([reports, report]);
    },
  };
}
