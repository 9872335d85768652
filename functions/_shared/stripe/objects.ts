import { z } from "zod/mini";

/**
 * The part of Stripe's objects that the rules read, for API version 2026-10-28.endive.
 *
 * Stripe's enums are open (since SDK 22.4 new values may appear on old API versions too), so every status and every next_action
 * type is a plain string here; what an unknown one means is for the rules to say. Unknown fields are left behind: copying thirty of
 * them for every intent would cost more than the assessment.
 */
const nextActionSchema = z.looseObject({ type: z.string() });

/** `metadata` of a session is nullable, of an intent never: an intent without any is a broken answer, not somebody else's. */
const metadataSchema = z.record(z.string(), z.string());
const nullableMetadataSchema = z.pipe(z.nullish(metadataSchema), z.transform((metadata) => metadata ?? {}));

/** Amounts in the currency's minor unit, times in Unix seconds. */
export const intentSchema = z.object({
  id: z.string().check(z.minLength(1)),
  object: z.literal("payment_intent"),
  status: z.string(),
  amount: z.int(),
  // Not defaulted: an intent without it cannot be shown to have received nothing.
  amount_received: z.int(),
  currency: z.string(),
  created: z.int(),
  livemode: z.boolean(),
  metadata: metadataSchema,
  cancellation_reason: z.nullish(z.string()),
  next_action: z.nullish(nextActionSchema),
});

/** `payment_intent` is null until the customer confirms, an object when expanded, else an id. */
export const sessionSchema = z.object({
  id: z.string().check(z.minLength(1)),
  object: z.literal("checkout.session"),
  mode: z.string(),
  // Nullable in the SDK's types.
  status: z.nullable(z.string()),
  payment_status: z.string(),
  amount_total: z.nullish(z.int()),
  currency: z.nullish(z.string()),
  livemode: z.boolean(),
  metadata: nullableMetadataSchema,
  client_reference_id: z.nullish(z.string()),
  after_expiration: z.nullish(z.object({
    recovery: z.nullish(z.object({ enabled: z.boolean(), expires_at: z.nullish(z.int()) })),
  })),
  payment_intent: z.pipe(z.nullish(z.union([intentSchema, z.string()])), z.transform((intent) => intent ?? null)),
});

/** The sessions of one intent. */
export const sessionListSchema = z.pipe(z.object({ data: z.array(sessionSchema) }), z.transform(({ data }) => data));

/** What a list shows of an intent or a session: enough to know whose it is. */
export const listedSchema = z.object({
  id: z.string().check(z.minLength(1)),
  status: z.nullish(z.string()),
  created: z.int(),
  livemode: z.boolean(),
  metadata: nullableMetadataSchema,
  client_reference_id: z.nullish(z.string()),
});

export type StripeIntent = z.infer<typeof intentSchema>;
export type StripeSession = z.infer<typeof sessionSchema>;
export type ListedPayment = z.infer<typeof listedSchema>;
export type NextAction = z.infer<typeof nextActionSchema>;
