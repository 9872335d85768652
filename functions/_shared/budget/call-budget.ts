import type { ReservedCalls } from "../database/contracts.ts";
import type { Clock } from "../run/clock.ts";
import { createDatabaseTime } from "./database-time.ts";
import { createLane, type Lane, type Waiting } from "./lane.ts";
import { createWindow } from "./window.ts";

/** Lets calls to Stripe through at the pace the database allows. */
export type CallBudget = {
  /**
   * Resolves when the caller may send one request to this endpoint, now.
   *
   * @throws UnsentCallError when its turn would come after the deadline, or when it gives up; then no slot was used.
   */
  acquire(endpoint: string, waiting: Waiting): Promise<void>;
  /** Stripe refused a call for its rate: gives the reserved slots up and slows everybody down. */
  throttled(endpoint: string, scope: "endpoint" | "account"): Promise<void>;
};

export type CallBudgetOptions = {
  reserve(endpoint: string, count: number): Promise<ReservedCalls>;
  report(endpoint: string, scope: "endpoint" | "account"): Promise<void>;
  clock: Clock;
  /** No call leaves after this moment. */
  deadline: Date;
};

/** One lane per endpoint; one window for all of them, the account's share, and one idea of the database's time. */
export function createCallBudget(options: CallBudgetOptions): CallBudget {
  const lanes = new Map<string, Lane>();
  const account = createWindow(options.clock);
  const databaseTime = createDatabaseTime();
  let ofAccount: Promise<unknown> = Promise.resolve();
  function laneOf(endpoint: string): Lane {
    const lane = lanes.get(endpoint) ??
      createLane(endpoint, { ...options, account, databaseTime, reported: ofAccount });
    lanes.set(endpoint, lane);
    return lane;
  }
  return {
    acquire: (endpoint, waiting) => laneOf(endpoint).acquire(waiting),
    async throttled(endpoint, scope) {
      const report = options.report(endpoint, scope);
      // Also for lanes that are not there yet. Whether it failed is the caller's to know.
      if (scope === "account") ofAccount = Promise.allSettled([ofAccount, report]);
      for (const lane of scope === "account" ? lanes.values() : [laneOf(endpoint)]) lane.dropSlots(report);
      await report;
    },
  };
}
