import type { Clock } from "../run/clock.ts";
import type { ReservedCalls } from "../database/contracts.ts";

/** Lets calls to Stripe through at the pace the database allows. */
export type CallBudget = {
  /**
   * Resolves when the caller may send one request to this endpoint, now. `demand` says how many requests wait for the endpoint
   * at the moment, this one included: so many slots are reserved, and none that nobody will use.
   */
  acquire(endpoint: string, demand: () => number): Promise<void>;
  /** Stripe refused a call for its rate: gives the reserved slots up and slows everybody down. */
  throttled(endpoint: string, scope: "endpoint" | "account"): Promise<void>;
};

export type CallBudgetOptions = {
  reserve(endpoint: string, count: number): Promise<ReservedCalls>;
  report(endpoint: string, scope: "endpoint" | "account"): Promise<void>;
  clock: Pick<Clock, "monotonic" | "sleep">;
};

/** Most slots reserved at a time. One call to the database then covers 64 calls to Stripe. */
const MAX_BLOCK = 64;

/**
 * One lane per endpoint. A lane reserves a block of slots in the database and hands them out in order; the next block is
 * fetched while the current one is still being used, so that waiting for the database costs no slot.
 */
export function createCallBudget(options: CallBudgetOptions): CallBudget {
  const lanes = new Map<string, Lane>();
  const account = createWindow(options.clock);
  function laneOf(endpoint: string): Lane {
    const lane = lanes.get(endpoint) ?? createLane(endpoint, account, options);
    lanes.set(endpoint, lane);
    return lane;
  }
  return {
    acquire: (endpoint, demand) => laneOf(endpoint).acquire(demand),
    async throttled(endpoint, scope) {
      for (const lane of scope === "account" ? lanes.values() : [laneOf(endpoint)]) lane.dropSlots();
      await options.report(endpoint, scope);
    },
  };
}

type Lane = { acquire(demand: () => number): Promise<void>; dropSlots(): void };
type Block = { nextAt: number; left: number; intervalMs: number; perSecond: number; accountPerSecond: number };

function createLane(endpoint: string, account: Window, { reserve, clock }: CallBudgetOptions): Lane {
  const own = createWindow(clock);
  let block: Block | null = null;
  let upcoming: Promise<Block> | null = null;
  let turn: Promise<unknown> = Promise.resolve();

  async function fetchBlock(demand: number): Promise<Block> {
    const askedAt = clock.monotonic();
    const slots = await reserve(endpoint, Math.min(Math.max(demand, 1), MAX_BLOCK));
    return {
      // From the question, not from the answer: counted late, the block would reach into another isolate's next one.
      nextAt: askedAt + slots.startsInMs,
      left: slots.count,
      intervalMs: slots.intervalMs,
      perSecond: slots.perSecond,
      accountPerSecond: slots.accountPerSecond,
    };
  }

  async function takeSlot(demand: () => number): Promise<void> {
    if (block === null || block.left === 0) {
      const next = upcoming ?? fetchBlock(demand());
      upcoming = null;
      block = await next;
    }
    const slot = block;
    const slotAt = slot.nextAt;
    slot.nextAt += slot.intervalMs;
    slot.left -= 1;
    const unserved = demand() - 1 - slot.left;
    if (upcoming === null && slot.left <= PREFETCH_AT && unserved > 0) {
      upcoming = fetchBlock(unserved);
      // Whoever takes the block meets the error; nobody may be left to meet it.
      upcoming.catch(() => {});
    }
    const wait = slotAt - clock.monotonic();
    if (wait > 0) await clock.sleep(wait);
    await own.enter(slot.perSecond);
    await account.enter(slot.accountPerSecond);
  }

  return {
    // One at a time: slots are handed out in the order of asking.
    acquire(demand) {
      const mine = turn.then(() => takeSlot(demand));
      turn = mine.catch(() => {});
      return mine;
    },
    dropSlots() {
      block = null;
      upcoming = null;
    },
  };
}

/** With so many slots left, the next block is asked for: the answer arrives before the last of them is due. */
const PREFETCH_AT = 8;

/** Lets at most so many through in any second, one after the other. */
type Window = { enter(perSecond: number): Promise<void> };

/** A second, and the jitter with which two requests may reach Stripe closer together than they left. */
const WINDOW_MS = 1_028;

/**
 * Slots already keep calls apart. This is for slots of the past that come due together, after the process stalled or where one
 * lane's late calls meet another's early ones: however they bunch up, no second sees more than was granted.
 */
function createWindow(clock: CallBudgetOptions["clock"]): Window {
  const enteredAt: number[] = [];
  let turn: Promise<void> = Promise.resolve();
  return {
    enter(perSecond) {
      turn = turn.then(async () => {
        const oldest = enteredAt[enteredAt.length - perSecond];
        const wait = oldest === undefined ? 0 : oldest + WINDOW_MS - clock.monotonic();
        if (wait > 0) await clock.sleep(wait);
        enteredAt.push(clock.monotonic());
        if (enteredAt.length > 10_000) enteredAt.splice(0, 5_000);
      });
      return turn;
    },
  };
}
