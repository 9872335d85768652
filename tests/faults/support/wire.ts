import type { SupabaseClient } from "@supabase/supabase-js";
import { flush } from "./time.ts";

/** One effect of a run on the world: a call of a database function, or a request to Stripe. */
export type Step = { number: number; place: "database" | "stripe"; name: string };

/** What happens at a step. The default, `(_, take) => take()`, is that it happens. */
export type AtStep = <T>(step: Step, take: () => Promise<T>, fate: Fate) => Promise<T>;

/** What a hook can do to a run besides letting the step happen. */
export type Fate = {
  /** The process is dead: nothing after this has an effect, and the error cannot be handled. */
  die(): Promise<never>;
  /** The connection breaks: the run lives on and does not know whether the step happened. */
  cut(): never;
};

/** The layer between one process and the outside. Steps execute one at a time, in request order. */
export type Wire = {
  steps: readonly Step[];
  /** Resolves when the process died. */
  dead: Promise<void>;
  pass<T>(step: Omit<Step, "number">, take: () => Promise<T>): Promise<T>;
  /** Resolves when the process waits for nothing from outside; never, once it died. */
  idle(): Promise<void>;
};

class BrokenConnection extends TypeError {
  override name = "BrokenConnection";
}

/**
 * Makes the wire of one process. With one step at a time a run takes the same steps each time, so that "the seventh step" means
 * something; what other processes do beside it is for the hook to insert.
 */
export function createWire(atStep: AtStep = (_, take) => take()): Wire {
  const steps: Step[] = [];
  const died = Promise.withResolvers<void>();
  let isDead = false;
  let turn: Promise<unknown> = Promise.resolve();
  let underWay = 0;
  const fate: Fate = {
    die: () => {
      isDead = true;
      died.resolve();
      return never();
    },
    cut: () => {
      throw new BrokenConnection("The connection broke");
    },
  };
  return {
    steps,
    dead: died.promise,
    pass(asked, take) {
      underWay++;
      const mine = turn.then(async () => {
        await flush();
        if (isDead) return await never();
        const step = { ...asked, number: steps.length + 1 };
        steps.push(step);
        return await atStep(step, take, fate);
      });
      turn = mine.catch(() => {}).then(() => void underWay--);
      return mine;
    },
    async idle() {
      do {
        await turn;
        await flush();
      } while (underWay > 0);
    },
  };
}

/** Forgotten by everybody: what a dead process waits for. */
function never(): Promise<never> {
  return new Promise(() => {});
}

/** The wire as the run's `fetch`: the answer has arrived in full when the step is over. */
export function fetchOver(wire: Wire, fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const name = `${init?.method ?? "GET"} ${url.pathname}`;
    return wire.pass({ place: "stripe", name }, async () => {
      const response = await fetch(input, init);
      const { status, headers } = response;
      try {
        return new Response(await response.arrayBuffer(), { status, headers });
      } catch (error) {
        // The head came, the body did not: the caller finds out while it reads.
        return new Response(new ReadableStream({ start: (controller) => controller.error(error) }), {
          status,
          headers,
        });
      }
    });
  };
}

type Answer = { data: unknown; error: { message: string; code: string } | null; status: number };

/** The wire as the client of the database, as far as `createRpc` uses it. */
export function clientOver(wire: Wire, call: (name: string, args: Record<string, unknown>) => Promise<Answer>) {
  return {
    rpc: (name: string, args: Record<string, unknown>) => ({
      abortSignal: () =>
        wire.pass({ place: "database", name }, () => call(name, args)).catch((error): Answer => {
          // What PostgREST's client makes of a connection that broke.
          if (error instanceof BrokenConnection) {
            return { data: null, error: { message: error.message, code: "" }, status: 0 };
          }
          throw error;
        }),
    }),
  } as unknown as SupabaseClient;
}
