import type postgres from "postgres";
import type { NetRequest } from "./net-request.ts";

/**
 * What may happen to a request; all of it was observed with the original:
 * `lose`: it leaves the queue without being sent, and there is no response, as after a crash of the server;
 * `repeat`: it is sent twice, and the second answer is the response;
 * `kill`: the worker dies after sending its batch and before the commit, so the next worker sends the whole batch
 * again;
 * `delayMs`: the answer takes that much longer, which the callee does not notice.
 */
export type NetFault = "lose" | "repeat" | "kill" | { delayMs: number };

/** Called once per request of a batch, and again when the batch is sent again. */
export type NetFaults = (request: NetRequest) => NetFault | undefined;

/** Represents the end of the worker's process: its transaction is rolled back, and a new worker starts. */
export class WorkerKilled extends Error {
  override name = "WorkerKilled";
}

/** The probability of each fault for a request, from 0 to 1. */
export type FaultRates = { lose?: number; repeat?: number; kill?: number; delay?: number; delayMs?: number };

/**
 * Faults derived only from the seed and the request's id, so that a failing run can be repeated. `kill` affects a
 * request once.
 */
export function seededFaults(seed: number, rates: FaultRates): NetFaults {
  const killed = new Set<string>();
  const { lose = 0, repeat = 0, kill = 0, delay = 0, delayMs = 1000 } = rates;
  return ({ id }) => {
    const chance = fraction(`${seed}/${id}`);
    if (chance < lose) return "lose";
    if (chance < lose + repeat) return "repeat";
    if (chance < lose + repeat + kill) return killed.has(id) ? undefined : (killed.add(id), "kill");
    if (chance < lose + repeat + kill + delay) return { delayMs };
  };
}

/**
 * The effect of a server crash on pg_net: its unlogged tables are empty, and the ids start at 1 again, because the
 * sequence of an unlogged table is unlogged too (since PostgreSQL 15). For servers that a test cannot crash.
 */
export async function forgetEverything(sql: postgres.Sql): Promise<void> {
  await sql`truncate net.http_request_queue, net._http_response restart identity`;
}

/** FNV-1a with a final mix, as a number from 0 to 1, so that neighbouring ids get unrelated values. */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
