import type { CheckoutCall, CheckoutOrder, CheckoutResult } from "./checkout-worker.ts";

export type { CheckoutResult };

/** A checkout at work. `close` ends it and answers what it saw; every call to the database is timed. */
export type Checkout = { close(): Promise<CheckoutResult> };

/** Opens a checkout that places, attaches, pays and cancels orders, evenly, until it is closed. */
export async function openCheckout(order: CheckoutOrder): Promise<Checkout> {
  const worker = new Worker(new URL("./checkout-worker.ts", import.meta.url), { type: "module" });
  worker.postMessage(order);
  await nextMessage(worker);
  return {
    async close() {
      worker.postMessage("stop");
      const result = await nextMessage(worker) as CheckoutResult;
      worker.terminate();
      return result;
    },
  };
}

function nextMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.addEventListener("message", ({ data }) => resolve(data), { once: true });
    worker.addEventListener("error", (event) => reject(new Error(event.message)), { once: true });
  });
}

export type Slowness = { call: CheckoutCall; calls: number; quietMedian: number; quietP95: number; busyP95: number };

/** Each call separately, so that fast calls do not hide one that waits. In milliseconds. */
export function compare(quiet: CheckoutResult, busy: CheckoutResult): Slowness[] {
  const of = ({ calls }: CheckoutResult, name: CheckoutCall) =>
    calls.filter(({ call }) => call === name).map(({ ms }) => ms).sort((a, b) => a - b);
  return (["place_order", "lapse_attach_payment", "lapse_mark_paid"] as const).map((call) => ({
    call,
    calls: of(busy, call).length,
    quietMedian: percentile(of(quiet, call), 0.5),
    quietP95: percentile(of(quiet, call), 0.95),
    busyP95: percentile(of(busy, call), 0.95),
  }));
}

function percentile(sorted: number[], share: number): number {
  return sorted[Math.floor(sorted.length * share)] ?? 0;
}
