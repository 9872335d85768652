import { UnsentCallError } from "../errors.ts";
import { type Block, dropOverdue } from "./block.ts";
import { type BlockSourceOptions, createBlockSource } from "./block-source.ts";
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

export type LaneOptions = BlockSourceOptions & { account: Window };

/**
 * A lane takes blocks of slots that are reserved in the database and hands them out in order; the next block is fetched while the
 * current one is still being used, so that waiting for the database costs no slot. A slot is taken only when its time has come: who
 * does not wait that long leaves it to the next one.
 */
export function createLane(endpoint: string, { account, ...options }: LaneOptions): Lane {
  const { clock, deadline } = options;
  const own = createWindow(clock);
  const blocks = createBlockSource(endpoint, options);
  let block: Block | null = null;
  let turn: Promise<unknown> = Promise.resolve();

  async function currentBlock({ demand, signal }: Waiting): Promise<Block> {
    for (;;) {
      // Before a block is reserved that nobody will use.
      assertInTime(0, signal);
      if (block !== null) dropOverdue(block, clock.monotonic());
      if (block !== null && block.left > 0) return block;
      block = await blocks.next(demand());
    }
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
      blocks.askAhead(slot, demand());
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
      block = null;
      blocks.drop(report);
    },
  };
}
