import * as z from "zod/mini";

/**
 * The part of Stripe's objects that the rules read, for API version 2026-10-28.endive.
 *
 * Stripe's enums are open (since SDK 22.4 new values may appear on old API versions too), so every status and every next_action type is a
 * plain string here, and the rules decide what an unknown one means. Other fields are dropped: copying thirty of them for every intent
 * would cost more than the assessment.
 */
const nextActionSchema = z.looseObject({ type: z.string() });

/** A session's `metadata` is nullable, an intent's never: an intent without it is a broken answer. */
const metadataSchema = z.record(z.string(), z.string());
const nullableMetadataSchema = z.pipe(z.nullish(metadataSchema), z.transform((metadata) => metadata ?? {}));

/**
 * What happened to the money that an intent received. `disputed` stays true after the dispute is decided. `transfer` and `transfer_data`
 * are set when the money was transferred to a connected account.
 */
const chargeSchema = z.object({
  id: z.string(),
  amount_refunded: z.int(),
  disputed: z.boolean(),
  transfer: z.nullish(z.unknown()),
  transfer_data: z.nullish(z.unknown()),
});

/** Amounts in the currency's minor unit, times in Unix seconds. */
export const intentSchema = z.object({
  id: z.string().check(z.minLength(1)),
  object: z.literal("payment_intent"),
  status: z.string(),
  amount: z.int(),
  // No default: without this field nothing proves that the intent received no money.
  amount_received: z.int(),
  currency: z.string(),
  created: z.int(),
  livemode: z.boolean(),
  metadata: metadataSchema,
  cancellation_reason: z.nullish(z.string()),
  next_action: z.nullish(nextActionSchema),
  // An object when expanded, as in every read; an id in the intent of a refused cancel.
  latest_charge: z.nullish(z.union([chargeSchema, z.string()])),
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

/** `status` is one of `pending`, `requires_action`, `succeeded`, `failed` and `canceled`, or one that Stripe adds. */
export const refundSchema = z.object({
  id: z.string().check(z.minLength(1)),
  object: z.literal("refund"),
  amount: z.int(),
  status: z.nullable(z.string()),
  failure_reason: z.nullish(z.string()),
  metadata: nullableMetadataSchema,
});
export const refundListSchema = z.pipe(z.object({ data: z.array(refundSchema) }), z.transform(({ data }) => data));

/** A charge, a refund or a dispute, as far as it tells which intent it is about. */
export const ofIntentSchema = z.pipe(
  z.object({ payment_intent: z.nullish(z.string()) }),
  z.transform(({ payment_intent }) => ({ intent: payment_intent ?? null })),
);

/** The fields of a listed intent or session that tell which order it belongs to. */
export const listedSchema = z.object({
  id: z.string().check(z.minLength(1)),
  status: z.nullish(z.string()),
  created: z.int(),
  livemode: z.boolean(),
  metadata: nullableMetadataSchema,
  client_reference_id: z.nullish(z.string()),
});

export type StripeIntent = z.infer<typeof intentSchema>;
export type StripeCharge = z.infer<typeof chargeSchema>;
export type StripeRefund = z.infer<typeof refundSchema>;
export type StripeSession = z.infer<typeof sessionSchema>;
export type ListedPayment = z.infer<typeof listedSchema>;
export type NextAction = z.infer<typeof nextActionSchema>;

/**
 * A page of one of Stripe's lists, newest first. `unreadable` has the ids of rows that do not fit the schema, so that one of them does not
 * hide the others. `answeredAt` is Stripe's own time from the `Date` header; null without one.
 */
export type ListPage = {
  payments: ListedPayment[];
  unreadable: string[];
  hasMore: boolean;
  lastId: string | null;
  answeredAt: Date | null;
};

// Rows are not copied here, because each is parsed by itself below.
const pageSchema = z.object({ data: z.array(z.custom<{ id: string }>(hasId)), has_more: z.boolean() });

/** Reads a page of a list; null if the answer is not one. */
export function pageOf(answer: object & { lastResponse: { headers: unknown } }): ListPage | null {
  const parsed = pageSchema.safeParse(answer);
  if (!parsed.success) return null;
  const { data, has_more: hasMore } = parsed.data;
  const rows = data.map((row) => ({ id: row.id, parsed: listedSchema.safeParse(row) }));
  return {
    payments: rows.flatMap(({ parsed }) => parsed.success ? [parsed.data] : []),
    unreadable: rows.flatMap(({ id, parsed }) => parsed.success ? [] : [id]),
    hasMore,
    lastId: data.at(-1)?.id ?? null,
    answeredAt: dateOf(answer.lastResponse.headers),
  };
}

function dateOf(headers: unknown): Date | null {
  const date = headers instanceof Headers ? headers.get("date") : null;
  const time = Date.parse(date ?? "");
  return Number.isNaN(time) ? null : new Date(time);
}

function hasId(row: unknown): boolean {
  return typeof row === "object" && row !== null && typeof Reflect.get(row, "id") === "string";
}
