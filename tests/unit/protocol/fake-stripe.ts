import type { InspectContext } from "../../../functions/_shared/protocol/inspect-payment.ts";
import type { Reason } from "../../../functions/_shared/rules/reasons.ts";
import type { StripeIntent, StripeSession } from "../../../functions/_shared/stripe/objects.ts";
import { NO_TRACE, type Outcome, outcomeOfRefusal, type Refusal } from "../../../functions/_shared/stripe/outcome.ts";

type StripeObject = StripeIntent | StripeSession;
type Gateway = InspectContext["gateway"];
type Method = Exclude<keyof Gateway, "livemode">;
/** An outcome given instead of the normal one; a function may change the world first, as a customer would. */
// deno-lint-ignore no-explicit-any
type Scripted = Outcome<any> | (() => Outcome<any>);

/**
 * A gateway over objects in memory: enough of Stripe to play the protocol through, with any outcome replaceable. What it does
 * unscripted is the documented good case; the simulator, not this, is the place for Stripe's own behaviour.
 */
export function fakeStripe(objects: Record<string, StripeObject>) {
  const world = new Map(Object.entries(objects));
  const scripted = new Map<string, Scripted[]>();
  const calls: string[] = [];

  // deno-lint-ignore no-explicit-any
  const play = (method: Method, id: string, { normal, key }: { normal: () => Outcome<any>; key?: string }) => {
    calls.push([method, id, key].filter(Boolean).join(" "));
    const next = scripted.get(`${method} ${id}`)?.shift();
    return Promise.resolve(next === undefined ? normal() : typeof next === "function" ? next() : next);
  };
  const read = (id: string) => () => {
    const object = world.get(id);
    return object ? ok(withIntent(object)) : refused(404, { errorCode: "resource_missing" });
  };
  const withIntent = (object: StripeObject): StripeObject => {
    if (object.object === "payment_intent" || typeof object.payment_intent !== "string") return object;
    return { ...object, payment_intent: world.get(object.payment_intent) as StripeIntent };
  };
  const set = (id: string, change: Partial<StripeObject>) => {
    world.set(id, { ...world.get(id), ...change } as StripeObject);
  };

  const gateway: Gateway = {
    livemode: false,
    readIntent: ({ id }) => play("readIntent", id, { normal: read(id) }),
    readSession: ({ id }) => play("readSession", id, { normal: read(id) }),
    cancelIntent: ({ id }, { idempotencyKey: key }) =>
      play("cancelIntent", id, {
        key,
        normal: () => {
          const { status } = world.get(id) as StripeIntent;
          if (["succeeded", "canceled", "processing"].includes(status)) return refused(400);
          set(id, { status: "canceled", cancellation_reason: "abandoned" });
          return read(id)();
        },
      }),
    expireSession: ({ id }, { idempotencyKey: key }) =>
      play("expireSession", id, {
        key,
        normal: () => {
          if (world.get(id)?.status !== "open") return refused(400);
          set(id, { status: "expired" });
          const intentId = (world.get(id) as StripeSession).payment_intent;
          if (typeof intentId === "string") set(intentId, { status: "canceled" });
          return read(id)();
        },
      }),
    sessionsOfIntent: ({ id }) =>
      play("sessionsOfIntent", id, {
        normal: () =>
          ok(
            [...world.values()]
              .filter((object) => object.object === "checkout.session" && object.payment_intent === id)
              .map(withIntent),
          ),
      }),
  };
  return {
    gateway,
    calls,
    set,
    get: (id: string) => world.get(id),
    /** Queues outcomes for one method and id; the normal behaviour follows when they are used up. */
    answer: (method: Method, id: string, ...outcomes: Scripted[]) => {
      scripted.set(`${method} ${id}`, [...scripted.get(`${method} ${id}`) ?? [], ...outcomes]);
    },
    writes: () => calls.filter((call) => /^(cancel|expire)/.test(call)),
  };
}

export type Fake = ReturnType<typeof fakeStripe>;

export function ok<T>(object: T): Outcome<T> {
  return { kind: "object", object, trace: { ...NO_TRACE, requestId: "req_1" } };
}

/** Stripe's refusal of a write; a refused read has the same outcome wherever these tests use it. */
// deno-lint-ignore no-explicit-any
export function refused(httpStatus: number, known: Partial<Refusal<any>> = {}): Outcome<any> {
  return outcomeOfRefusal({ httpStatus, ...known }, "write");
}

export function lost(why: Extract<Reason, "bad_reply" | "timeout" | "connection_lost">): Outcome<never> {
  return { kind: "unknown", why, trace: NO_TRACE };
}

export function unsent(why: "out_of_time" | "crowded"): Outcome<never> {
  return { kind: "unsent", why, trace: NO_TRACE };
}

export const throttled = refused(429, { rateLimitedReason: "endpoint-rate" });
