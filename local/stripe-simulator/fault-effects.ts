import { lockTimeout, rateLimited, resourceMissing, serverError, StripeRefusal, unauthorized } from "./errors.ts";
import type { Fault } from "./faults.ts";

/** A connection that ends without a reply. */
export class NoReply extends Error {
  constructor(readonly transport: "hang" | "reset", readonly afterMs?: number) {
    super(`no reply: ${transport}`);
  }
}

/** Throws what a fault does to a call that will not execute; returns for the faults that strike later. */
export function strikeBeforeExecution(fault: Fault, objectId: string): void {
  const { kind, shouldRetry } = fault;
  if (kind === "hang" || kind === "reset") throw new NoReply(kind, fault.delayMs);
  if (kind === "rate_limited") throw rateLimited(fault.reason ?? "endpoint-rate");
  if (kind === "lock_timeout") throw lockTimeout({ shouldRetry });
  if (kind === "unauthorized") {
    throw unauthorized("Expired API Key provided: sk_test_****", { code: "api_key_expired" });
  }
  if (kind === "forbidden") {
    throw unauthorized("The provided key does not have the required permissions.", { status: 403 });
  }
  if (kind === "not_found") throw resourceMissing("object", { id: objectId, param: "id" });
  if (fault.executes) return;
  if (kind === "error_502_html") throw serverError(502, { saved: false });
  if (kind === "error_503") throw serverError(503, { saved: false, shouldRetry });
  if (kind === "error_500" && fault.saved === false) throw serverError(500, { saved: false, shouldRetry });
}

/** The 500 of a call that began to execute; null for every other fault. */
export function errorInsteadOfResult(fault: Fault | null): StripeRefusal | null {
  if (fault?.kind !== "error_500") return null;
  return serverError(500, { saved: fault.saved ?? true, shouldRetry: fault.shouldRetry });
}

/** What the proxy in front of Stripe answers, in HTML: the SDK cannot read it as JSON. */
export const BAD_GATEWAY_HTML = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>";

/** An empty page that promises more: a caller that pages by the last object has none to continue from. */
export function emptied(body: string): string {
  const reply = JSON.parse(body);
  return JSON.stringify(reply.object === "list" ? { ...reply, data: [], has_more: true } : reply);
}

/** The reply's text with the field spoiled that the fault names; in a list, in every object of the page. */
export function disfigured(body: string, fault: Fault): string {
  const reply = JSON.parse(body);
  for (const object of reply.object === "list" ? reply.data : [reply]) {
    if (fault.kind === "unknown_status") object.status = fault.status ?? "a_status_from_the_future";
    else if (fault.kind === "missing_field") delete object[fault.field ?? "status"];
    else if ("payment_intent" in object) object.payment_intent = null;
  }
  if (fault.kind === "null_payment_intent" && reply.error) reply.error.payment_intent = null;
  return JSON.stringify(reply);
}
