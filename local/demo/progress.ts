import type { StripeControl } from "../stripe-simulator/control.ts";
import type { WatchedRun } from "./scheduler.ts";

const WIDTH = 40;
/** `stale_age` of jobs.settings: the sweep leaves younger payments alone. */
const STALE_AGE = 7 * 24 * 60 * 60;
const DECIDED = ["paymentsExpired", "ordersPaid", "ordersWaiting", "ordersRetried", "ordersQuarantined"] as const;

/** A bar that moves in place on a terminal, and a line per look elsewhere. */
export function showBar(done: number, all: number, text: string): void {
  const full = Math.min(WIDTH, Math.round(done / Math.max(all, 1) * WIDTH));
  const line = `  ${"█".repeat(full)}${"░".repeat(WIDTH - full)}  ${text}`;
  if (Deno.stdout.isTerminal()) Deno.stdout.writeSync(new TextEncoder().encode(`\r${line}\x1b[K`));
  else console.log(line);
}

/** Orders a run has decided so far. */
export function decidedOrders(run: WatchedRun): number {
  return DECIDED.reduce((sum, counter) => sum + (run[counter] as number), 0);
}

/** Payments that the sweep of a year meets: those of the first act that are as old belong to them. */
export function countSwept(stripe: StripeControl): number {
  const young = Math.floor(Date.now() / 1_000) - STALE_AGE;
  return stripe.paymentIntents().filter(({ created }) => created <= young).length;
}
