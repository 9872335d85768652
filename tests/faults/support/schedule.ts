import fc from "fast-check";
import type { Fault } from "../../../local/stripe-simulator/faults.ts";

/** Something that happens to the shop. Orders and payments are named by number, modulo how many there are. */
export type Event =
  | { type: "order"; kind: number; minutesAgo: number }
  | { type: "customer"; order: number; payment: number; act: number }
  | { type: "webhook"; order: number; payment: number }
  | { type: "attach"; order: number; pay: boolean }
  | { type: "unattached"; order: number; pay: boolean }
  /** An unattached payment of an order in any state. */
  | { type: "late"; order: number; pay: boolean }
  /** Stripe delivers an event, perhaps again. */
  | { type: "event"; nth: number }
  | { type: "return"; order: number; payment: number; how: "refund" | "part" | "dispute" }
  /** The last article of its kind. */
  | { type: "last" }
  | { type: "backup" }
  | { type: "restore" }
  /** The cursors of Stripe's lists go back, or are lost. */
  | { type: "gap"; lost: boolean }
  | { type: "time"; minutes: number }
  | { type: "watch" }
  | { type: "fault"; fault: Fault }
  | {
    type: "run";
    job: "expire-stale-orders" | "cleanup-stale-payment-intents";
    /** Of the scheduler's request and of those of its continuations; beyond the last one, they arrive. */
    requests: Request[];
    trouble: Trouble;
  };

/**
 * What becomes of a request of pg_net: `late`, it arrives with the next event of time; `apart`, now and then again. `answer` is what pg_net
 * heard of it, whatever the function did; null, nothing.
 */
export type Request = {
  arrives: "once" | "twice" | "never" | "late" | "apart";
  answer: null | "status_500" | "timed_out";
};

/** What befalls a run, or who acts, before the numbered step. `slow`: each claim takes so long that the run leaves work to a continuation. */
export type Trouble =
  | null
  | { type: "slow" }
  | { type: "dies"; step: number }
  | { type: "cut"; step: number; moment: "before" | "after" }
  | {
    type: "meanwhile";
    step: number;
    event: Extract<Event, { type: "customer" | "webhook" | "attach" | "time" | "event" | "return" }>;
  };

/**
 * A shop's bad days, how many orders a run claims at once in them, what becomes of late money, and how payments under way end after them.
 */
export type Schedule = {
  events: Event[];
  claimBatch: number;
  latePayments: "alert" | "revive_or_alert" | "revive_or_refund";
  settles: boolean;
};

const nat = fc.nat({ max: 30 });
const minutes = fc.oneof(
  fc.integer({ min: 1, max: 10 }),
  fc.integer({ min: 10, max: 600 }),
  fc.integer({ min: 600, max: 15_000 }),
);

const customer = fc.record({ type: fc.constant("customer" as const), order: nat, payment: nat, act: nat });
const webhook = fc.record({ type: fc.constant("webhook" as const), order: nat, payment: nat });
const attach = fc.record({ type: fc.constant("attach" as const), order: nat, pay: fc.boolean() });
const unattached = fc.record({ type: fc.constant("unattached" as const), order: nat, pay: fc.boolean() });
const late = fc.record({ type: fc.constant("late" as const), order: nat, pay: fc.boolean() });
const delivery = fc.record({ type: fc.constant("event" as const), nth: fc.nat({ max: 1_000 }) });
const moneyBack = fc.record({
  type: fc.constant("return" as const),
  order: nat,
  payment: nat,
  how: fc.constantFrom("refund" as const, "refund" as const, "part" as const, "dispute" as const),
});
const gap = fc.record({ type: fc.constant("gap" as const), lost: fc.boolean() });
const time = fc.record({ type: fc.constant("time" as const), minutes });
const order = fc.record({
  type: fc.constant("order" as const),
  kind: nat,
  minutesAgo: fc.constantFrom(60, 60, 33, 31, 1),
});

/** Most of all what cancels a payment, since an answer that is lost there must not be guessed. */
const ENDPOINTS = [
  undefined,
  "payment_intents.retrieve",
  "payment_intents.cancel",
  "payment_intents.cancel",
  "payment_intents.cancel",
  "payment_intents.list",
  "checkout.sessions.retrieve",
  "checkout.sessions.expire",
  "checkout.sessions.expire",
  "checkout.sessions.list",
  "refunds.create",
] as const;

const fault = fc.record({
  kind: fc.constantFrom(
    ...[
      "reset",
      "execute_then_reset",
      "execute_then_cut_body",
      "hang",
      "execute_then_hang",
      "error_502_html",
      "error_503",
      "unauthorized",
      "forbidden",
      "not_found",
      "unknown_status",
      "missing_field",
      "null_payment_intent",
      "lock_timeout",
    ] as const,
  ),
  endpoint: fc.constantFrom(...ENDPOINTS),
  times: fc.integer({ min: 1, max: 4 }),
});
const serverError = fc.record({
  kind: fc.constant("error_500" as const),
  endpoint: fc.constantFrom(...ENDPOINTS),
  times: fc.integer({ min: 1, max: 4 }),
  executes: fc.boolean(),
  saved: fc.boolean(),
});
const listFault = fc.record({
  kind: fc.constantFrom("empty_page" as const, "no_date" as const),
  endpoint: fc.constantFrom("payment_intents.list" as const, "checkout.sessions.list" as const),
  times: fc.integer({ min: 1, max: 4 }),
});
const limited = fc.record({
  kind: fc.constant("rate_limited" as const),
  times: fc.integer({ min: 1, max: 4 }),
  reason: fc.constantFrom(
    "global-rate" as const,
    "endpoint-rate" as const,
    "endpoint-concurrency" as const,
    "resource-specific" as const,
  ),
});

const step = fc.integer({ min: 1, max: 25 });
const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(null) },
  fc.constant({ type: "slow" as const }),
  fc.record({ type: fc.constant("dies" as const), step }),
  fc.record({ type: fc.constant("cut" as const), step, moment: fc.constantFrom("before" as const, "after" as const) }),
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("meanwhile" as const),
      step,
      event: fc.oneof(customer, webhook, attach, time, delivery, moneyBack),
    }),
  },
);
const request = fc.record({
  arrives: fc.constantFrom(
    "once" as const,
    "once" as const,
    "once" as const,
    "twice" as const,
    "never" as const,
    "late" as const,
    "apart" as const,
  ),
  answer: fc.constantFrom(null, null, null, null, "status_500" as const, "timed_out" as const),
});
const run = fc.record({
  type: fc.constant("run" as const),
  job: fc.constantFrom(
    "expire-stale-orders" as const,
    "expire-stale-orders" as const,
    "cleanup-stale-payment-intents" as const,
  ),
  requests: fc.array(request, { maxLength: 3 }),
  trouble,
});

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 3, arbitrary: order },
  { weight: 4, arbitrary: customer },
  { weight: 2, arbitrary: webhook },
  { weight: 1, arbitrary: attach },
  { weight: 1, arbitrary: unattached },
  { weight: 2, arbitrary: late },
  { weight: 4, arbitrary: delivery },
  { weight: 2, arbitrary: moneyBack },
  { weight: 1, arbitrary: fc.constant({ type: "last" as const }) },
  { weight: 1, arbitrary: fc.constant({ type: "backup" as const }) },
  { weight: 1, arbitrary: fc.constant({ type: "restore" as const }) },
  { weight: 1, arbitrary: gap },
  { weight: 3, arbitrary: time },
  { weight: 1, arbitrary: fc.constant({ type: "watch" as const }) },
  {
    weight: 2,
    arbitrary: fc.oneof(fault, serverError, limited, listFault).map((fault) => ({ type: "fault" as const, fault })),
  },
  { weight: 6, arbitrary: run },
);

/** Schedules with a few orders to begin with. Shrinks to fewer events. */
export const schedules: fc.Arbitrary<Schedule> = fc.record({
  events: fc.tuple(
    fc.array(order, { minLength: 1, maxLength: 4 }),
    fc.array(event, { minLength: 1, maxLength: 24, size: "max" }),
  )
    .map(([orders, events]) => [...orders, ...events]),
  claimBatch: fc.constantFrom(100, 1),
  latePayments: fc.constantFrom("alert" as const, "revive_or_alert" as const, "revive_or_refund" as const),
  settles: fc.boolean(),
});
