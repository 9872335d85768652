import { lockTimeout, rateLimited, resourceMissing, serverError, StripeRefusal, unauthorized } from "./errors.ts";
import type { Fault } from "./faults.ts";

/** A connection that ends without a reply. */
export class NoReply extends Error {
  constructor(readonly transport: "hang" | "reset", readonly afterMs?: number) {
    super(`no reply: ${transport}`);
  }
}

/** Throws the error of a fault that prevents execution; returns for faults that occur later. */
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

/** The 500 of a call whose execution began; null for every other fault. */
export function errorInsteadOfResult(fault: Fault | null): StripeRefusal | null {
  if (fault?.kind !== "error_500") return null;
  return serverError(500, { saved: fault.saved ?? true, shouldRetry: fault.shouldRetry });
}

/** The HTML answer of a proxy in front of Stripe, which the SDK cannot parse as JSON. */
export const BAD_GATEWAY_HTML = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>";

/** An empty page that claims to have a successor. A caller that pages by the last object has no cursor. */
export function emptied(body: string): string {
  const reply = JSON.parse(body);
  return JSON.stringify(reply.object === "list" ? { ...reply, data: [], has_more: true } : reply);
}

/** The reply with the fault's field altered; in a list, in every object of the page. */
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
