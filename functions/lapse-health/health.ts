import * as z from "zod/mini";
import type { Rpc } from "../_shared/database/rpc.ts";
import { ConfigurationError, messageOf } from "../_shared/errors.ts";
import type { Log } from "../_shared/run/log.ts";

/** Codes of what is wrong; docs/payments-ops.md explains them. Empty when all is well. */
export type Health = { reasons: string[] };

export type HealthOptions = {
  /** Connects to the database; may throw ConfigurationError. */
  connect: () => Rpc;
  log: Log;
  /** A monotonic clock in milliseconds. */
  clock: () => number;
  /** How long the database may take to answer, in milliseconds. */
  limitMs?: number;
  /** How long an answer is reused, in milliseconds. */
  keepMs?: number;
};

const answer = z.object({ reasons: z.array(z.string().check(z.regex(/^[a-z_]+$/))) });

/**
 * Makes a health check that never rejects: a failure to ask the database is itself a reason.
 *
 * Callers are strangers, so any number of them costs the database at most one call per `keepMs`. Requests during a call, or soon after
 * it, share its answer.
 */
export function createHealthCheck(options: HealthOptions): () => Promise<Health> {
  const { clock, keepMs = 3_000 } = options;
  let kept: { health: Promise<Health>; until: number } | undefined;
  return () => {
    if (kept === undefined || clock() >= kept.until) {
      const latest = { health: check(options), until: Number.POSITIVE_INFINITY };
      latest.health.then(() => latest.until = clock() + keepMs);
      kept = latest;
    }
    return kept.health;
  };
}

async function check({ connect, log, limitMs = 5_000 }: HealthOptions): Promise<Health> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    // A monitor times out before a database client does, and would then receive no reason.
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`Cannot wait longer for the database: no answer in ${limitMs} ms`)),
        limitMs,
      );
    });
    return await Promise.race([connect()("lapse_health", {}, { answer, repeatable: false }), limit]);
  } catch (error) {
    log.error("health_unknown", { error: messageOf(error) });
    return { reasons: [error instanceof ConfigurationError ? "misconfigured" : "database_unreachable"] };
  } finally {
    clearTimeout(timer);
  }
}
