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
  function laneOf(endpoint: string): Lane {
    const lane = lanes.get(endpoint) ?? createLane(endpoint, options);
    lanes.set(endpoint, lane);
    return lane;
  }
  return {
    acquire: (endpoint, demand) => laneOf(endpoint).acquire(demand),
    async throttled(endpoint, scope) {
      for (
        const lane of scope === "account" ? lanes.values() : [laneOf(endpoint)]
      ) lane.dropSlots();
      await options.report(endpoint, scope);
    },
  };
}

type Lane = { acquire(demand: () => number): Promise<void>; dropSlots(): void };
type Block = {
  nextAt: number;
  left: number;
  intervalMs: number;
  perSecond: number;
};

function createLane(
  endpoint: string,
  { reserve, clock }: CallBudgetOptions,
): Lane {
  let block: Block | null = null;
  let upcoming: Promise<Block> | null = null;
  let turn: Promise<unknown> = Promise.resolve();
  const sentAt: number[] = [];

  async function fetchBlock(demand: number): Promise<Block> {
    const slots = await reserve(
      endpoint,
      Math.min(Math.max(demand, 1), MAX_BLOCK),
    );
    return {
      // Counted from the answer's arrival, not from the question: late is safe, early is not.
      nextAt: clock.monotonic() + slots.startsInMs,
      left: slots.count,
      intervalMs: slots.intervalMs,
      perSecond: slots.perSecond,
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
    await waitFor(clock, slotAt);
    // After a stall, slots of the past come due together. However they bunch up, no second may see more than was granted.
    const earliest = sentAt.length < slot.perSecond
      ? 0
      : sentAt[sentAt.length - slot.perSecond]! + WINDOW_MS;
    await waitFor(clock, earliest);
    sentAt.push(clock.monotonic());
    if (sentAt.length > 1_000) sentAt.splice(0, 500);
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

/** A second, and the jitter with which two requests may reach Stripe closer together than they left. */
const WINDOW_MS = 1_010;

async function waitFor(
  clock: Pick<Clock, "monotonic" | "sleep">,
  at: number,
): Promise<void> {
  const wait = at - clock.monotonic();
  if (wait > 0) await clock.sleep(wait);
}
