import { z } from "zod/mini";
import type { Rpc } from "../_shared/database/rpc.ts";
import { ConfigurationError, reasonOf } from "../_shared/errors.ts";
import type { Log } from "../_shared/run/log.ts";

/** Codes of what is wrong, none when all is well. What they mean stands in docs/payments-ops.md. */
export type Health = { reasons: string[] };

export type HealthOptions = {
  /** Connects to the database; may throw ConfigurationError. */
  connect: () => Rpc;
  log: Log;
  /** Milliseconds, from any start. */
  clock: () => number;
  /** How long an answer of the database may take, in milliseconds. */
  limitMs?: number;
  /** How long an answer is given again, in milliseconds. */
  keepMs?: number;
};

const answer = z.object({ reasons: z.array(z.string().check(z.regex(/^[a-z_]+$/))) });

/**
 * Makes a health check that never fails: what keeps it from asking the database is a reason itself.
 *
 * Callers are strangers, so any number of them costs the database one call per `keepMs`: those who come while a call is under way, or soon
 * after, get its answer.
 */
export function createHealthCheck(options: HealthOptions): () => Promise<Health> {
  const { clock, keepMs = 3_000 } = options;
  let kept: { health: Promise<Health>; until: number } | undefined;
  return () => {
    if (kept === undefined || clock() >= kept.until) {
      kept = { health: check(options), until: clock() + keepMs };
    }
    return kept.health;
  };
}

async function check({ connect, log, limitMs = 5_000 }: HealthOptions): Promise<Health> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    // A monitor gives up sooner than a database client does, and "no answer" would tell it less.
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`Cannot wait longer for the database: no answer in ${limitMs} ms`)),
        limitMs,
      );
    });
    return await Promise.race([connect()("lapse_health", {}, { answer, repeatable: false }), limit]);
  } catch (error) {
    log.error("health_unknown", { error: reasonOf(error) });
    return { reasons: [error instanceof ConfigurationError ? "misconfigured" : "database_unreachable"] };
  } finally {
    clearTimeout(timer);
  }
}
