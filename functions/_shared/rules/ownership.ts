import type { AssessContext } from "./assessment.ts";

/** What of an object at Stripe says whose it is. */
export type Marked = {
  livemode: boolean;
  metadata: Record<string, string>;
  /** Only sessions have one. */
  client_reference_id?: string | null | undefined;
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Whether a payment is this order's: null, or why not.
 *
 * | metadata names | attached by the shop, or listed | noted by a customer's role |
 * | --- | --- | --- |
 * | this order | ours | ours |
 * | another order | foreign | foreign |
 * | none, and the session's client_reference_id names this order | ours | ours |
 * | none | ours: the attachment proves it | foreign: anybody could note any payment |
 *
 * A client_reference_id never makes a session foreign: shops use it for customers and carts as well.
 */
export function checkOwnership(
  { livemode, metadata, client_reference_id }: Marked,
  context: Pick<AssessContext, "order" | "payment" | "metadataKey" | "livemode">,
): "wrong_mode" | "foreign_payment" | null {
  const { order: { ref }, payment: { source }, metadataKey } = context;
  if (livemode !== context.livemode) return "wrong_mode";
  const named = namedIn(metadata, metadataKey);
  if (named !== null) return isSameRef(named, ref) ? null : "foreign_payment";
  if (client_reference_id && isSameRef(client_reference_id, ref)) return null;
  return source === "client" ? "foreign_payment" : null;
}

/** The order that a payment in Stripe's list names; null: none. */
export function namedRef(
  { metadata, client_reference_id }: Omit<Marked, "livemode">,
  metadataKey: string,
): string | null {
  return namedIn(metadata, metadataKey) ?? (client_reference_id || null);
}

function namedIn(metadata: Record<string, string>, key: string): string | null {
  return (Object.hasOwn(metadata, key) && metadata[key]) || null;
}

/** Refs are compared as the shop's keys are: a uuid in capitals is the same uuid, any other text is not the same text. */
export function isSameRef(one: string, other: string): boolean {
  if (one === other) return true;
  return UUID.test(one) && UUID.test(other) && one.toLowerCase() === other.toLowerCase();
}
