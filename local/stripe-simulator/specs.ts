import { z } from "zod";
import { NEXT_ACTION_KINDS } from "./next-action.ts";

const where = {
  account: z.string().optional(),
  /** Default false: test mode. */
  livemode: z.boolean().optional(),
};
const metadata = z.record(z.string(), z.string());

/** Intents to put in place, in any state. In `id` and metadata values, `{n}` stands for the number, from 0. */
export const intentSpecSchema = z.strictObject({
  ...where,
  count: z.int().min(1).optional(),
  id: z.string().optional(),
  /** Any text: also a status Stripe has not invented yet. Default requires_payment_method. */
  status: z.string().optional(),
  amount: z.int().optional(),
  currency: z.string().optional(),
  metadata: metadata.optional(),
  /** Seconds since the epoch of the first; each further one `createdStep` seconds later. */
  created: z.int().optional(),
  createdStep: z.number().optional(),
  /** requires_action: what is asked, and when a voucher lapses (seconds; null: no date). Default use_stripe_sdk. */
  nextAction: z.enum(NEXT_ACTION_KINDS).optional(),
  expiresAt: z.int().nullable().optional(),
  /** processing: by what (default sepa_debit). */
  paymentMethodType: z.string().optional(),
  captureMethod: z.enum(["automatic", "automatic_async", "manual"]).optional(),
  amountReceived: z.int().optional(),
  customer: z.string().optional(),
  invoice: z.string().optional(),
  cancellationReason: z.string().optional(),
});
export type IntentSpec = z.infer<typeof intentSpecSchema>;

/** Checkout Sessions to put in place. */
export const sessionSpecSchema = z.strictObject({
  ...where,
  count: z.int().min(1).optional(),
  id: z.string().optional(),
  status: z.enum(["open", "complete", "expired"]).optional(),
  paymentStatus: z.enum(["paid", "unpaid", "no_payment_required"]).optional(),
  /** Default payment. A session of another mode only shows it: it gets no subscription and no SetupIntent. */
  mode: z.enum(["payment", "setup", "subscription"]).optional(),
  /** Gives it an intent in this state. Left out: succeeded when paid, processing when complete and unpaid, else none. */
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
  /** Lets the customer bring it back after it expired. */
  recovery: z.boolean().optional(),
  /** Of an expired one, until when, in seconds; default 30 days from now. */
  recoveryUntil: z.int().optional(),
});
export type SessionSpec = z.infer<typeof sessionSpecSchema>;
