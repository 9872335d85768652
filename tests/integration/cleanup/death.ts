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

const deaths = new Map<string, Death>();
const { fetch } = globalThis;

// One for all: runs that die side by side are told apart by the server they call.
globalThis.fetch = (input, init) => {
  const death = deaths.get(new URL(input instanceof Request ? input.url : input).origin);
  return death ? death.take(() => fetch(input, init)) : fetch(input, init);
};

/** While `work` runs, calls to this server are steps on the way to a death. */
export async function withDeath<T>(origin: string, death: Death, work: () => Promise<T>): Promise<T> {
  deaths.set(origin, death);
  try {
    return await work();
  } finally {
    deaths.delete(origin);
  }
}
