import { z } from "zod";
import { NEXT_ACTION_KINDS } from "./next-action.ts";

const where = {
  account: z.string().optional(),
  /** Default false: test mode. */
  livemode: z.boolean().optional(),
};
const metadata = z.record(z.string(), z.string());

/** Intents to create, in any state. In `id` and metadata values, `{n}` stands for the number, starting at 0. */
export const intentSpecSchema = z.strictObject({
  ...where,
  count: z.int().min(1).optional(),
  id: z.string().optional(),
  /** Any text, including a status that Stripe does not have yet. Default requires_payment_method. */
  status: z.string().optional(),
  amount: z.int().optional(),
  currency: z.string().optional(),
  metadata: metadata.optional(),
  /** Creation time of the first in seconds since the epoch; each following one is `createdStep` seconds later. */
  created: z.int().optional(),
  createdStep: z.number().optional(),
  /** requires_action: the action, and when a voucher expires (seconds; null: no date). Default use_stripe_sdk. */
  nextAction: z.enum(NEXT_ACTION_KINDS).optional(),
  expiresAt: z.int().nullable().optional(),
  /** processing: the payment method (default sepa_debit). */
  paymentMethodType: z.string().optional(),
  captureMethod: z.enum(["automatic", "automatic_async", "manual"]).optional(),
  amountReceived: z.int().optional(),
  customer: z.string().optional(),
  invoice: z.string().optional(),
  cancellationReason: z.string().optional(),
});
export type IntentSpec = z.infer<typeof intentSpecSchema>;

/** Checkout Sessions to create. */
export const sessionSpecSchema = z.strictObject({
  ...where,
  count: z.int().min(1).optional(),
  id: z.string().optional(),
  status: z.enum(["open", "complete", "expired"]).optional(),
  paymentStatus: z.enum(["paid", "unpaid", "no_payment_required"]).optional(),
  /** Default payment. Another mode is only shown: the session gets no subscription and no SetupIntent. */
  mode: z.enum(["payment", "setup", "subscription"]).optional(),
  /** The state of its intent. By default succeeded if paid, processing if complete and unpaid, else there is none. */
  intentStatus: z.string().optional(),
  nextAction: z.enum(NEXT_ACTION_KINDS).optional(),
  captureMethod: z.enum(["automatic", "automatic_async", "manual"]).optional(),
  amount: z.int().optional(),
  currency: z.string().optional(),
  metadata: metadata.optional(),
  /** Metadata of the intent, as `payment_intent_data.metadata`; none unless given, whatever the session has. */
  intentMetadata: metadata.optional(),
  clientReferenceId: z.string().optional(),
  created: z.int().optional(),
  createdStep: z.number().optional(),
  /** Seconds since the epoch; default 24 hours after creation or after now, whichever is later. */
  expiresAt: z.int().optional(),
  customer: z.string().optional(),
  /** Whether the customer can recover it after it expired. */
  recovery: z.boolean().optional(),
  /** The end of that recovery, in seconds, for an expired session; default 30 days from now. */
  recoveryUntil: z.int().optional(),
});
export type SessionSpec = z.infer<typeof sessionSpecSchema>;
