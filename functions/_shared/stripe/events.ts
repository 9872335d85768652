import Stripe from "stripe";
import * as z from "zod/mini";
import { WITHOUT_COMPILING } from "../parsing.ts";
import type { StripeEvent } from "../rules/events.ts";

/** An older signature counts as a replay. Stripe signs every delivery anew, including repeated ones. */
const TOLERANCE_SECONDS = 300;

export type Verified = { event: StripeEvent; refused: null } | { event: null; refused: "signature" | "malformed" };

/**
 * Checks an event's signature against several secrets (there are two while one is being replaced) and reads which payment it is about. It
 * accepts snapshots, which contain the object as it was, and thin events, which only name it.
 *
 * `body` is the request's unchanged text. Parsing and serializing it could change bytes and invalidate the signature.
 */
export function createVerifier(secrets: string[], now: () => number = () => Date.now()) {
  // Used only to verify signatures, which sends nothing and needs no key.
  const stripe = new Stripe("sk_unused", { telemetry: false });
  const crypto = Stripe.createSubtleCryptoProvider();

  async function verifyWith(secret: string, body: string, header: string): Promise<unknown> {
    try {
      return await stripe.webhooks.constructEventAsync(body, header, secret, TOLERANCE_SECONDS, crypto, now());
    } catch (error) {
      if (isForged(error) || error instanceof SyntaxError) throw error;
      // The signature is valid, so this is a thin event.
      return await stripe.parseEventNotificationAsync(body, header, secret, TOLERANCE_SECONDS, crypto, now());
    }
  }

  return async function verify(body: string, header: string): Promise<Verified> {
    for (const secret of secrets) {
      let verified: unknown;
      try {
        verified = await verifyWith(secret, body, header);
      } catch (error) {
        if (isForged(error)) continue;
        return { event: null, refused: "malformed" };
      }
      const parsed = z.safeParse(anyEvent, verified, WITHOUT_COMPILING);
      return parsed.success ? { event: parsed.data, refused: null } : { event: null, refused: "malformed" };
    }
    return { event: null, refused: "signature" };
  };
}

function isForged(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeSignatureVerificationError;
}

const identity = {
  id: z.string().check(z.regex(/^evt_[A-Za-z0-9_]{1,250}$/)),
  type: z.string().check(z.minLength(1), z.maxLength(200)),
  livemode: z.boolean(),
};
const paymentId = z.string().check(z.regex(/^(pi|cs)_[A-Za-z0-9_]{1,250}$/));
const account = z.pipe(
  z.nullish(z.string().check(z.regex(/^acct_[A-Za-z0-9]+$/))),
  z.transform((it) => it ?? ""),
);
const seconds = z.pipe(
  z.int().check(z.minimum(0), z.maximum(253_402_300_799)),
  z.transform((it) => new Date(it * 1_000)),
);

const shownPayment = z.object({
  id: paymentId,
  created: seconds,
  metadata: z.nullish(z.record(z.string(), z.string())),
  client_reference_id: z.nullish(z.string()),
});

/** A charge, a refund or a dispute. */
const shownReturn = z.object({ created: seconds, payment_intent: z.nullish(paymentId) });
const ABOUT_INTENTS = new Set(["charge", "refund", "dispute"]);

const snapshot = z.pipe(
  z.object({
    object: z.literal("event"),
    ...identity,
    account,
    data: z.object({ object: z.looseObject({ object: z.nullish(z.string()) }) }),
  }),
  z.transform(({ id, type, livemode, account, data: { object } }, context): StripeEvent => {
    const event = { id, type, livemode, account };
    if (ABOUT_INTENTS.has(object.object ?? "")) {
      const shown = z.safeParse(shownReturn, object, WITHOUT_COMPILING);
      const named = shown.success ? shown.data.payment_intent : null;
      // A charge without an intent was not made by the shop's checkout.
      return {
        ...event,
        payment: named ? { id: named, through: null, createdAt: shown.data!.created, marks: null } : null,
      };
    }
    if (object.object !== "payment_intent" && object.object !== "checkout.session") return { ...event, payment: null };
    const shown = z.safeParse(shownPayment, object, WITHOUT_COMPILING);
    if (!shown.success) {
      context.issues.push({ code: "custom", message: "its payment cannot be read", input: id });
      return z.NEVER;
    }
    const { id: paymentId, created: createdAt, metadata, client_reference_id } = shown.data;
    return {
      ...event,
      payment: { id: paymentId, through: null, createdAt, marks: { metadata: metadata ?? {}, client_reference_id } },
    };
  }),
);

// A thin event names the account by its context, which for an organisation begins with the organisation.
const context = z.pipe(z.transform((it) => it ? String(it).split("/").at(-1) : null), account);

const thin = z.pipe(
  z.object({
    object: z.literal("v2.core.event"),
    ...identity,
    created: z.iso.datetime({ offset: true }),
    context,
    related_object: z.nullish(z.object({ id: z.string(), type: z.string() })),
  }),
  z.transform(({ id, type, livemode, created, context, related_object: related }): StripeEvent => {
    const event = { id, type: type.replace(/^v1\./, ""), livemode, account: context };
    const known = { createdAt: new Date(created), marks: null };
    if (ABOUT_INTENTS.has(related?.type ?? "") && /^[a-z]{2,4}_[A-Za-z0-9]{1,250}$/.test(related!.id)) {
      return { ...event, payment: { ...known, id: null, through: related!.id } };
    }
    const isPayment = related?.type === "payment_intent" || related?.type === "checkout.session";
    const named = isPayment ? z.safeParse(paymentId, related.id, WITHOUT_COMPILING) : null;
    return { ...event, payment: named?.success ? { ...known, id: named.data, through: null } : null };
  }),
);

const anyEvent = z.union([snapshot, thin]);
