import type { AssessContext } from "./assessment.ts";

/** The fields of an object at Stripe that tell which order it belongs to. */
export type Marked = {
  livemode: boolean;
  metadata: Record<string, string>;
  /** Only sessions have one. */
  client_reference_id?: string | null | undefined;
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Checks that a payment belongs to this order. Returns null if it does, otherwise why not.
 *
 * | metadata names | attached by the shop, or listed | recorded with a customer's role |
 * | --- | --- | --- |
 * | this order | its own | its own |
 * | another order | foreign | foreign |
 * | none, and the session's client_reference_id names this order | its own | its own |
 * | none | its own: the attachment proves it | foreign: any customer can record any payment |
 *
 * A client_reference_id never makes a session foreign, because shops also use it for customers and carts.
 */
export function checkOwnership(
  { livemode, metadata, client_reference_id }: Marked,
  context: Pick<AssessContext, "payment" | "metadataKey" | "livemode"> & { order: { ref: string } },
): "wrong_mode" | "foreign_payment" | null {
  const { order: { ref }, payment: { source }, metadataKey } = context;
  if (livemode !== context.livemode) return "wrong_mode";
  const named = namedIn(metadata, metadataKey);
  if (named !== null) return isSameRef(named, ref) ? null : "foreign_payment";
  if (client_reference_id && isSameRef(client_reference_id, ref)) return null;
  return source === "client" ? "foreign_payment" : null;
}

/** The order that a listed payment names, or null. */
export function namedRef(
  { metadata, client_reference_id }: Omit<Marked, "livemode">,
  metadataKey: string,
): string | null {
  return namedIn(metadata, metadataKey) ?? (client_reference_id || null);
}

function namedIn(metadata: Record<string, string>, key: string): string | null {
  return (Object.hasOwn(metadata, key) && metadata[key]) || null;
}

/** Compares refs exactly, or without regard to case when both are UUIDs. */
export function isSameRef(one: string, other: string): boolean {
  if (one === other) return true;
  return UUID.test(one) && UUID.test(other) && one.toLowerCase() === other.toLowerCase();
}
