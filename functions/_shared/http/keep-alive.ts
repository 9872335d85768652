/** What Supabase's Edge Runtime adds to Deno (supabase.com/docs/guides/functions/background-tasks). */
declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void };

/** Keeps the worker alive until the promise settles, within the platform's limits. */
export function keepAlive(work: Promise<unknown>): void {
  EdgeRuntime.waitUntil(work);
}
