import type { StripeGateway } from "./gateway.ts";
import { type CallKind, outcomeOf } from "./outcome.ts";
import { blankFailure, type Reply } from "./reply.ts";

/** Delays in milliseconds. `attempts` counts the first one. */
export type RetryPolicy = { attempts: number; baseDelay: number; maxDelay: number };

export const DEFAULT_RETRY: RetryPolicy = { attempts: 3, baseDelay: 250, maxDelay: 4_000 };

/** Time as an argument. `deadline`: the moment after which no new call to Stripe starts. */
export type Pace = {
  deadline: Date;
  clock: () => Date;
  sleep: (ms: number) => Promise<void>;
  /** 0 inclusive to 1 exclusive. */
  random: () => number;
};

/**
 * The same gateway, kept within the run's time, with bounded retries. After the deadline a call is not sent at all.
 *
 * A read is repeated while the failure is transient. An end (cancel or expire) whose outcome is unknown is repeated
 * once, with the same idempotency key: if the first call was executed, Stripe answers with what it answered then, and
 * if it was not, it is executed now. More than once brings nothing, because Stripe replays a saved 500 as well.
 * A call that a rate limit turned away was not executed and may be repeated like a read.
 */
export function retryingGateway(gateway: StripeGateway, pace: Pace & { policy: RetryPolicy }): StripeGateway {
  const read = <T>(call: () => Promise<Reply<T>>) => withRetries(call, { ...pace, kind: "read" });
  const end = <T>(call: () => Promise<Reply<T>>) => withRetries(call, { ...pace, kind: "end" });
  return {
    livemode: gateway.livemode,
    readIntent: (ref) => read(() => gateway.readIntent(ref)),
    readSession: (ref) => read(() => gateway.readSession(ref)),
    sessionsOfIntent: (ref) => read(() => gateway.sessionsOfIntent(ref)),
    listIntents: (slice) => read(() => gateway.listIntents(slice)),
    cancelIntent: (ref, key) => end(() => gateway.cancelIntent(ref, key)),
    expireSession: (ref, key) => end(() => gateway.expireSession(ref, key)),
  };
}

async function withRetries<T>(
  call: () => Promise<Reply<T>>,
  { kind, policy, deadline, clock, sleep, random }: Pace & { policy: RetryPolicy; kind: CallKind },
): Promise<Reply<T>> {
  if (clock() >= deadline) return { ok: false, failure: blankFailure("not_sent") };
  let unknownEnds = 0;
  let last: Reply<T> | null = null;
  for (let attempt = 1;; attempt++) {
    const reply = await call();
    // The repetition found no slot before the deadline. What Stripe said before still stands, and an end may have been executed.
    if (last !== null && !reply.ok && reply.failure.kind === "not_sent") return last;
    last = reply;
    const outcome = outcomeOf(reply, kind);
    // A card error on these calls is no hiccup; whatever it is, repeating it will not cure it.
    const isTransient = outcome.kind === "throttled" || (outcome.kind === "unknown" && outcome.why !== "card_error");
    if (!isTransient || attempt >= policy.attempts) return reply;
    if (kind === "end" && outcome.kind === "unknown" && ++unknownEnds > 1) return reply;

    const delay = backoff(attempt, { policy, random });
    if (clock().getTime() + delay >= deadline.getTime()) return reply;
    await sleep(delay);
  }
}

/** Doubles per attempt, and spreads over its upper half: orders that failed together must not come back together. */
function backoff(attempt: number, { policy, random }: { policy: RetryPolicy; random: () => number }): number {
  const full = Math.min(policy.baseDelay * 2 ** (attempt - 1), policy.maxDelay);
  return full * (0.5 + random() / 2);
}
