/** What Supabase's Edge Runtime adds to Deno (supabase.com/docs/guides/functions/background-tasks). */
declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void };

/** The worker a function lives in. */
export type Worker = {
  /** Keeps it alive until the promise settles, within the platform's limits. */
  waitUntil(work: Promise<unknown>): void;
  /** Aborted once the platform announces its end: for CPU, memory or time. About 200 ms of CPU are left then. */
  retired: AbortSignal;
};

/** The Edge Runtime's own. Call it once per function, before the first request. */
export function edgeWorker(): Worker {
  const retirement = new AbortController();
  addEventListener("beforeunload", () => retirement.abort());
  return { waitUntil: (work) => EdgeRuntime.waitUntil(work), retired: retirement.signal };
}
