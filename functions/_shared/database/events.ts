/** What the webhook and the database exchange about the payment that an event names. */
import * as z from "zod/mini";
import { instant } from "../parsing.ts";
import type { EventPayment, StripeEvent } from "../rules/events.ts";
import type { PaymentEvidence, PaymentState } from "../rules/orders.ts";
import type { Reason } from "../rules/reasons.ts";
import { claimedOrder } from "./orders.ts";
import type { Rpc } from "./rpc.ts";
import { settings } from "./runs.ts";

/** What Stripe answered about one payment. `reason` null: it is simply not paid yet. */
export type EventPaymentRecord = {
  ref: string;
  stripeId: string;
  account: string;
  state: PaymentState;
  reason: Reason | null;
  evidence: PaymentEvidence;
  /** The expiry of the customer's voucher. */
  holdUntil: Date | null;
  /** A time before Stripe was asked, by the database's clock, so that the database can tell an outdated answer. */
  askedAt: Date;
};

const wait = z.number().check(z.nonnegative());

const foundPayment = z.lazy(() =>
  z.discriminatedUnion("answer", [
    z.object({
      answer: z.literal("read"),
      now: instant,
      waitSeconds: wait,
      /** The payment to read; null if the event does not name it. */
      stripeId: z.nullable(z.string()),
      /** Null if the ledger lacks the payment and the event does not name its order. */
      order: z.nullable(claimedOrder),
      settings,
      paymentsPerSecond: z.number().check(z.positive()),
    }),
    z.object({
      answer: z.enum(["repeated", "nothing", "locked", "unknown", "postponed"]),
      now: instant,
      why: z.optional(z.string()),
    }),
  ])
);
export type FoundPayment = z.infer<typeof foundPayment>;

/** `order`: the paid order, whose other payments may be cancelled after `waitSeconds`. */
const recordedEvent = z.lazy(() =>
  z.object({ result: z.string(), waitSeconds: wait, order: z.nullable(claimedOrder) })
);
export type RecordedEvent = z.infer<typeof recordedEvent>;

export type EventDatabase = ReturnType<typeof createEventDatabase>;

export function createEventDatabase(rpc: Rpc) {
  return {
    /** Whether the event's payment must be read. `hasTurn`: it was read already, to learn which order it names. */
    findPayment: (event: StripeEvent, payment: EventPayment, hasTurn = false) =>
      rpc("lapse_find_payment", {
        p_event_id: event.id,
        p_type: event.type,
        p_livemode: event.livemode,
        p_account: event.account,
        p_stripe_id: payment.id,
        p_marks: payment.marks,
        p_created_at: payment.createdAt.toISOString(),
        p_has_turn: hasTurn,
      }, { answer: foundPayment, repeatable: true }),
    /**
     * Records what Stripe answered about a payment. `id` null: the payment is not the event's own. Repeatable: after a lost answer the result
     * is `repeated`, and the order's other payments are due for the next run. `outdated`: nothing was recorded, because a later answer was
     * recorded meanwhile.
     */
    recordEvent: (
      { id, type, livemode }: Pick<StripeEvent, "type" | "livemode"> & { id: string | null },
      payment: EventPaymentRecord,
    ) =>
      rpc("lapse_record_event", { p_event_id: id, p_type: type, p_livemode: livemode, p_payment: payment }, {
        answer: recordedEvent,
        repeatable: true,
      }),
  };
}
