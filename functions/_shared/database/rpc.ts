import type { SupabaseClient } from "@supabase/supabase-js";
import * as z from "zod/mini";
import { DatabaseError, LeaseLostError } from "../errors.ts";
import { issueOf, WITHOUT_COMPILING } from "../parsing.ts";

/** Calls one database function and parses its answer. */
export type Rpc = <T>(name: string, args: Record<string, unknown>, options: RpcOptions<T>) => Promise<T>;

export type RpcOptions<T> = {
  answer: z.core.$ZodType<T>;
  /** Whether the call may be repeated after its answer was lost: the function is idempotent, or a repetition does no harm. */
  repeatable: boolean;
};

const TIMEOUT_MS = 15_000;
const PAUSES_MS = [200, 1_000];
const LEASE_LOST = "LP001";

/**
 * Makes an {@linkcode Rpc} over a client with a secret key.
 *
 * @throws LeaseLostError when the run's fence is old; DatabaseError for any other refusal, lost answer or broken contract.
 */
export function createRpc(client: SupabaseClient): Rpc {
  return async (name, args, { answer, repeatable }) => {
    const data = await callWithRepeats(() => callOnce(client, name, args), repeatable);
    const parsed = z.safeParse(answer, data, WITHOUT_COMPILING);
    if (parsed.success) return parsed.data;
    throw new DatabaseError(`Cannot read the answer of ${name} at ${issueOf(parsed.error)}`, { code: null });
  };
}

async function callOnce(client: SupabaseClient, name: string, args: Record<string, unknown>): Promise<unknown> {
  const { data, error, status } = await client.rpc(name, args).abortSignal(AbortSignal.timeout(TIMEOUT_MS));
  if (!error) return data;
  const code = error.code || (status >= 500 ? String(status) : null);
  if (code === LEASE_LOST) throw new LeaseLostError(error.message, { code });
  // The most likely cause, which the database's own message does not name.
  const hint = code === "42501" ? ". The functions need a secret key (service_role)" : "";
  throw new DatabaseError(`Cannot call ${name}: ${error.message}${hint}`, { code, cause: error });
}

async function callWithRepeats<T>(call: () => Promise<T>, repeatable: boolean): Promise<T> {
  for (const pause of PAUSES_MS) {
    try {
      return await call();
    } catch (error) {
      if (!isRolledBack(error) && !(repeatable && isLostAnswer(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
    }
  }
  return await call();
}

/** A deadlock or a serialization failure: the database undid everything, so any call may be repeated. */
function isRolledBack(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code === "40P01" || error.code === "40001");
}

/** No answer, a gateway's own answer (5xx), or a connection that the database dropped (class 08, 57P). */
function isLostAnswer(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return true;
  return error.code === null || /^(5\d\d|08\w{3}|57P\w{2}|PGRST00[0-3])$/.test(error.code);
}
