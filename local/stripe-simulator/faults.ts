import { z } from "zod";
import { ENDPOINTS } from "./endpoint.ts";
import { seededRandom } from "./random.ts";

/**
 * Everything that can go wrong with one call. "execute_then_…" changes Stripe's state without the caller learning of
 * it.
 */
export const FAULT_KINDS = [
  "delay",
  "delay_reply",
  "slow_body",
  "hang",
  "reset",
  "execute_then_hang",
  "execute_then_reset",
  "execute_then_cut_body",
  "error_500",
  "error_502_html",
  "error_503",
  "rate_limited",
  "lock_timeout",
  "unauthorized",
  "forbidden",
  "not_found",
  "unknown_status",
  "missing_field",
  "null_payment_intent",
  "empty_page",
  "no_date",
] as const;

export const faultSchema = z.strictObject({
  kind: z.enum(FAULT_KINDS),
  /** The calls that it applies to; all by default. */
  endpoint: z.union([z.enum(ENDPOINTS), z.array(z.enum(ENDPOINTS))]).optional(),
  objectId: z.string().optional(),
  account: z.string().optional(),
  /** Which of those calls: the nth (from 1), all from the nth, each with a probability, at most a number of them. */
  nth: z.union([z.int().min(1), z.array(z.int().min(1))]).optional(),
  from: z.int().min(1).optional(),
  probability: z.number().min(0).max(1).optional(),
  times: z.int().min(1).optional(),
  seed: z.int().optional(),
  /** delay, delay_reply, slow_body: the duration. hang: when the connection is finally cut (default: never). */
  delayMs: z.number().min(0).optional(),
  /** rate_limited: the reason header. */
  reason: z.enum(["global-rate", "endpoint-rate", "global-concurrency", "endpoint-concurrency", "resource-specific"])
    .optional(),
  /** error_500, error_503, lock_timeout: the Stripe-Should-Retry header. */
  shouldRetry: z.boolean().optional(),
  /** error_*: whether the call took effect nevertheless (default no). */
  executes: z.boolean().optional(),
  /** error_500: whether it is saved under the idempotency key (default yes, as Stripe documents). */
  saved: z.boolean().optional(),
  /** unknown_status: the value of the status. */
  status: z.string().optional(),
  /** missing_field: the field that is left out of the object, or of each object of a page (default `status`). */
  field: z.string().optional(),
});

export type Fault = z.infer<typeof faultSchema>;
type Armed = Fault & { id: string; seen: number; fired: number; random: () => number };
type Subject = { endpoint: string; objectId: string; account: string };

/** The active faults. Each counts the calls that it applies to, so a schedule can be repeated from its seeds. */
export class FaultBook {
  readonly #armed: Armed[] = [];
  #made = 0;

  add(fault: Fault): string {
    const id = `fault_${++this.#made}`;
    this.#armed.push({ ...fault, id, seen: 0, fired: 0, random: seededRandom(fault.seed ?? this.#made) });
    return id;
  }

  remove(id: string): boolean {
    const index = this.#armed.findIndex((fault) => fault.id === id);
    if (index >= 0) this.#armed.splice(index, 1);
    return index >= 0;
  }

  clear(): void {
    this.#armed.length = 0;
  }

  list(): Array<Fault & { id: string; seen: number; fired: number }> {
    return this.#armed.map(({ random: _random, ...fault }) => fault);
  }

  /** What happens to this call: the sum of all delays before execution, and the first other fault. */
  strike(subject: Subject): { delayMs: number; fault: Fault | null } {
    let delayMs = 0;
    let struck: Fault | null = null;
    for (const fault of this.#armed) {
      if (!concerns(fault, subject)) continue;
      fault.seen++;
      if (!due(fault) || (struck !== null && fault.kind !== "delay")) continue;
      fault.fired++;
      if (fault.kind === "delay") delayMs += fault.delayMs ?? 0;
      else struck = fault;
    }
    return { delayMs, fault: struck };
  }
}

function concerns(fault: Fault, subject: Subject): boolean {
  const { endpoint } = fault;
  if (
    endpoint !== undefined &&
    !(Array.isArray(endpoint) ? endpoint : [endpoint]).some((name) => name === subject.endpoint)
  ) {
    return false;
  }
  if (fault.objectId !== undefined && fault.objectId !== subject.objectId) return false;
  return fault.account === undefined || fault.account === subject.account;
}

function due(fault: Armed): boolean {
  if (fault.times !== undefined && fault.fired >= fault.times) return false;
  if (fault.nth !== undefined && !(Array.isArray(fault.nth) ? fault.nth : [fault.nth]).includes(fault.seen)) {
    return false;
  }
  if (fault.from !== undefined && fault.seen < fault.from) return false;
  return fault.probability === undefined || fault.random() < fault.probability;
}
