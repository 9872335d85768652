import type { Rpc } from "../../../functions/_shared/database/rpc.ts";

/** The death of a process: from one step on, nothing it does reaches the database or Stripe. */
export type Death = {
  /** Calls to the database and to Stripe so far. */
  steps(): number;
  take<T>(step: () => Promise<T>): Promise<T>;
};

/** Dies at the step of this number: before it takes effect, or after, when only the answer is lost. */
export function createDeath(step: number, moment: "before" | "after"): Death {
  let taken = 0;
  return {
    steps: () => taken,
    async take(work) {
      const mine = ++taken;
      if (mine < step) return await work();
      if (mine === step && moment === "after") await work();
      throw new Error(`Dead at step ${step}`);
    },
  };
}

export function dyingRpc(rpc: Rpc, death: Death): Rpc {
  return (name, args, options) => death.take(() => rpc(name, args, options));
}

export function dyingFetch(fetch: typeof globalThis.fetch, death: Death): typeof globalThis.fetch {
  return (input, init) => death.take(() => fetch(input, init));
}
