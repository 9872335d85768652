import { z } from "zod";
import { expand, flag, integer, listParams, metadata, text } from "./params.ts";

// The parameters that stripe@23.1.0 declares for each call. Those not simulated are accepted and ignored. All others
// are refused, as by Stripe, because a lenient simulator would hide a real 400.
const anything = z.unknown().optional();
const shownAsSent = {
  customer_account: text.optional(),
  description: text.optional(),
  receipt_email: text.optional(),
  setup_future_usage: text.optional(),
  statement_descriptor: text.optional(),
  statement_descriptor_suffix: text.optional(),
  transfer_group: text.optional(),
  on_behalf_of: text.optional(),
};
const paying = {
  payment_method: text.optional(),
  payment_method_data: z.looseObject({ type: text }).optional(),
  payment_method_options: anything,
  allowed_payment_method_types: z.array(text).optional(),
  excluded_payment_method_types: anything,
  off_session: anything,
  mandate: anything,
  mandate_data: anything,
  radar_options: anything,
  return_url: text.optional(),
  shipping: anything,
  use_stripe_sdk: flag.optional(),
  error_on_requires_action: flag.optional(),
  expand: expand.optional(),
};
const captureMethod = z.enum(["automatic", "automatic_async", "manual"]);
const positive = integer.refine((value) => value >= 1, "This value must be greater than or equal to 1.");

export const createSchema = z.strictObject({
  amount: positive,
  currency: z.string().length(3),
  metadata: metadata.optional(),
  capture_method: captureMethod.optional(),
  confirm: flag.optional(),
  confirmation_method: z.enum(["automatic", "manual"]).optional(),
  customer: text.optional(),
  automatic_payment_methods: z.strictObject({ enabled: flag, allow_redirects: text.optional() }).optional(),
  payment_method_configuration: anything,
  application_fee_amount: anything,
  transfer_data: anything,
  ...shownAsSent,
  ...paying,
});
export const updateSchema = createSchema.partial().omit({
  confirm: true,
  confirmation_method: true,
  off_session: true,
});
export const confirmSchema = z.strictObject({
  ...paying,
  capture_method: captureMethod.optional(),
  receipt_email: text.optional(),
  setup_future_usage: text.optional(),
});
export const cancelSchema = z.strictObject({
  cancellation_reason: z.enum(["abandoned", "duplicate", "fraudulent", "requested_by_customer"]).optional(),
  expand: expand.optional(),
});
export const captureSchema = z.strictObject({
  amount_to_capture: positive.optional(),
  metadata: metadata.optional(),
  application_fee_amount: anything,
  final_capture: flag.optional(),
  statement_descriptor: anything,
  expand: expand.optional(),
});
export const listSchema = z.strictObject({
  ...listParams,
  customer: text.optional(),
  customer_account: text.optional(),
});
export const retrieveSchema = z.strictObject({ client_secret: text.optional(), expand: expand.optional() });

/** The parameters that the object returns unchanged. */
export function extrasOf(params: Record<string, unknown>): Record<string, unknown> | null {
  let extras: Record<string, unknown> | null = null;
  for (const name in shownAsSent) if (params[name] !== undefined) (extras ??= {})[name] = params[name];
  return extras;
}

/** Stripe merges metadata key by key; an empty value removes the key. */
export function mergedMetadata(
  known: Record<string, string>,
  sent: Record<string, string> | undefined,
): Record<string, string> {
  if (sent === undefined) return known;
  return Object.fromEntries(Object.entries({ ...known, ...sent }).filter(([, value]) => value !== ""));
}
