import { UnsentCallError } from "../errors.ts";
import { type Block, blockOf, dropOverdue, OVERDUE_MS } from "./block.ts";
import type { CallBudgetOptions } from "./call-budget.ts";
import { unlessAborted } from "./unless-aborted.ts";
import { createWindow, type Window } from "./window.ts";

/** The calls to one endpoint, one after the other. */
export type Lane = {
  acquire(waiting: Waiting): Promise<void>;
  /** Gives up what was reserved, or is being reserved, and reserves nothing before Stripe's refusal is reported. */
  dropSlots(report: Promise<unknown>): void;
};

/** Who waits for a slot. */
export type Waiting = {
  /**
   * How many requests wait for the endpoint at the moment or will soon, this one included: so many slots are reserved, and none
   * that nobody will use.
   */
  demand: () => number;
  /** Told in the moment in which the slot is taken: a demand that still counted this request would reserve a slot too many. */
  served?: () => void;
  /** The caller's patience. */
  signal?: AbortSignal | null | undefined;
};

export type LaneOptions = Pick<CallBudgetOptions, "reserve" | "clock" | "deadline"> & {
  account: Window;
  /** Settles when the account's last refusal is reported. */
  reported: Promise<unknown>;
};

/** Most slots asked for at a time. The database grants what fits into six seconds: at 20 calls a second, 116. */
const MAX_BLOCK = 128;

/** With so many slots left, the next block is asked for: the answer arrives before the last of them is due. */
const PREFETCH_AT = 8;

/**
 * A lane reserves a block of slots in the database and hands them out in order; the next block is fetched while the current one is
 * still being used, so that waiting for the database costs no slot. A slot is taken only when its time has come: who does not wait
 * that long leaves it to the next one.
 */
export function createLane(endpoint: string, { account, reported, reserve, clock, deadline }: LaneOptions): Lane {
  const own = createWindow(clock);
  let block: Block | null = null;
  let upcoming: Promise<Block> | null = null;
  let turn: Promise<unknown> = Promise.resolve();
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
    intervalMs = slots.intervalMs;
    // Of a database that takes this long to answer, so many slots more are asked for: or none might ever arrive in time.
    const late = clock.monotonic() - askedAt - slots.startsInMs;
    lostOnTheWay = late > OVERDUE_MS ? Math.ceil(late / slots.intervalMs) : 0;
    return blockOf(slots, askedAt);
  }

  /** Slots after the deadline would only hold up the next run. */
  function inTime(demand: number): number {
    if (intervalMs === 0) return demand;
    return Math.min(demand, Math.ceil((deadline.getTime() - clock.now().getTime()) / intervalMs));
  }

  async function currentBlock({ demand, signal }: Waiting): Promise<Block> {
    for (;;) {
      // Before a block is reserved that nobody will use.
      assertInTime(0, signal);
      if (block !== null) dropOverdue(block, clock.monotonic());
      if (block !== null && block.left > 0) return block;
      const asked = generation;
      const next = upcoming ?? fetchBlock(inTime(demand()));
      upcoming = null;
      const fetched = await next;
      if (asked === generation) block = fetched;
    }
  }

  function askAhead({ left }: Block, demand: number): void {
    const wanted = inTime(demand) - left;
    if (upcoming !== null || left > PREFETCH_AT || wanted <= 0) return;
    upcoming = fetchBlock(wanted);
    // Whoever takes the block meets the error; nobody may be left to meet it.
    upcoming.catch(() => {});
  }

  /** @throws UnsentCallError if a call that still has to wait so long would leave too late, or for nobody. */
  function assertInTime(wait: number, signal: Waiting["signal"]): void {
    const left = deadline.getTime() - clock.now().getTime();
    if (wait < left && !signal?.aborted) return;
    throw new UnsentCallError(
      "out_of_time",
      `Cannot send a call to Stripe in time: current value is ${Math.ceil(wait)} ms to wait and ${left} ms left`,
    );
  }

  async function takeSlot({ demand, served, signal }: Waiting): Promise<void> {
    for (;;) {
      const slot = await currentBlock({ demand, signal });
      const wait = Math.max(
        slot.nextAt - clock.monotonic(),
        own.wait(slot.perSecond),
        account.wait(slot.accountPerSecond),
        0,
      );
      assertInTime(wait, signal);
      askAhead(slot, demand());
      if (wait > 0) {
        await clock.sleep(wait);
        // Meanwhile the slots may have been given up, and other lanes may have filled the account's second.
        continue;
      }
      slot.nextAt += slot.intervalMs;
      slot.left -= 1;
      own.enter();
      account.enter();
      return served?.();
    }
  }

  return {
    // One at a time: slots are handed out in the order of asking.
    acquire(waiting) {
      const mine = turn.then(() => takeSlot(waiting));
      turn = mine.catch(() => {});
      // The caller hears at once that it gave up, also while it waits for its turn.
      return unlessAborted(mine, waiting.signal);
    },
    dropSlots(report) {
      generation += 1;
      block = null;
      upcoming = null;
      reports = Promise.allSettled([reports, report]);
    },
  };
}
