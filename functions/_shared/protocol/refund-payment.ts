import { checkOwnership } from "../rules/ownership.ts";
import type { DueRefund, RefundResult } from "../rules/refunds.ts";
import type { StripeGateway } from "../stripe/gateway.ts";
import type { StripeCharge, StripeIntent, StripeRefund } from "../stripe/objects.ts";
import type { Outcome } from "../stripe/outcome.ts";

export type RefundContext = {
  gateway: Pick<StripeGateway, "livemode" | "readIntent" | "readSession" | "refundsOfIntent" | "refundIntent">;
  metadataKey: string;
};

/** The key in a refund's metadata that names the row of `lapse.refunds`. */
const MARK = "lapse_refund";

/**
 * Refunds what is left of one payment's money, exactly once.
 *
 * Every attempt first reads the charge and its refunds, so a refund whose reply was lost, and one that a person made in the dashboard, are
 * found. The idempotency key is used again while the outcome of a call is unknown, because that call may yet be executed; the database
 * counts it up after a definite refusal, which Stripe would otherwise replay for a day (docs.stripe.com/api/idempotent_requests).
 *
 * | the payment | result |
 * | --- | --- |
 * | cannot be read | retry, or failed if Stripe does not know it |
 * | names another order, or is of another mode | failed |
 * | received no money | failed |
 * | has a refund that names this row | that refund's status |
 * | is disputed: the bank takes the money back itself | failed |
 * | was transferred to a connected account: the shop must decide who pays for the refund | failed |
 * | was refunded in full | succeeded |
 * | anything else | refund what is left |
 */
export async function refundPayment(refund: DueRefund, { gateway, metadataKey }: RefundContext): Promise<RefundResult> {
  const { account } = refund;
  const read = await readIntentOf(refund, gateway);
  if (read.kind !== "object") return resultWithoutObject(read);
  const intent = read.object;
  if (intent === null) return failed("The Checkout Session has no payment");
  const known = { intent: intent.id, currency: intent.currency };
  const foreign = checkOwnership(intent, {
    order: refund,
    payment: { source: refund.stripeId === intent.id ? refund.source : "server" },
    metadataKey,
    livemode: gateway.livemode,
  });
  if (foreign) return { ...known, ...failed(`It is not this order's payment: ${foreign}`) };
  const { amount_received: received, latest_charge: charge } = intent;
  if (received === 0 || charge === null || charge === undefined) return { ...known, ...failed("It received no money") };
  if (typeof charge === "string") return { ...known, outcome: "retry", error: "Stripe did not show its charge" };

  const earlier = await gateway.refundsOfIntent({ id: intent.id, account });
  if (earlier.kind !== "object") return { ...known, ...resultWithoutObject(earlier) };
  const own = earlier.object.find(({ metadata, status }) =>
    metadata[MARK] === `${refund.id}.${refund.keyNumber}` ||
    (metadata[MARK]?.startsWith(`${refund.id}.`) && !isOver(status))
  );
  const amountRefunded = charge.amount_refunded;
  if (own) return { ...known, amountRefunded, ...resultOf(own) };
  const left = received - amountRefunded;
  if (left <= 0) return { ...known, amountRefunded, outcome: "succeeded", error: "It was refunded before" };
  const obstacle = obstacleOf(charge);
  if (obstacle) return { ...known, amountRefunded, ...failed(obstacle) };

  const made = await gateway.refundIntent(
    { id: intent.id, account },
    { amount: left, metadata: { [MARK]: `${refund.id}.${refund.keyNumber}`, [metadataKey]: refund.ref } },
    { idempotencyKey: `lapse-refund-${intent.id}-${refund.keyNumber}` },
  );
  if (made.kind !== "object") return { ...known, amountRefunded, ...resultWithoutObject(made) };
  const result = resultOf(made.object);
  return {
    ...known,
    amountRefunded: amountRefunded + (result.outcome === "failed" ? 0 : made.object.amount),
    ...result,
  };
}

/** The payment's intent, with its charge; null for a session that has none. */
async function readIntentOf(
  { stripeId: id, account }: DueRefund,
  gateway: RefundContext["gateway"],
): Promise<Outcome<StripeIntent | null>> {
  if (id.startsWith("pi_")) return await gateway.readIntent({ id, account });
  const outcome = await gateway.readSession({ id, account });
  if (outcome.kind !== "object") return outcome.kind === "refused" ? { ...outcome, object: null } : outcome;
  const intent = outcome.object.payment_intent;
  return typeof intent === "string"
    ? { kind: "unknown", why: "bad_reply", trace: outcome.trace }
    : { ...outcome, object: intent };
}

function obstacleOf({ disputed, transfer, transfer_data }: StripeCharge): string | null {
  if (disputed) return "It is disputed: the bank takes the money back itself";
  if (transfer || transfer_data) {
    return "Its money was transferred to a connected account: decide who pays for the refund";
  }
  return null;
}

function isOver(status: string | null): boolean {
  return status === "failed" || status === "canceled";
}

function resultOf({ id, amount, status, failure_reason }: StripeRefund): RefundResult {
  const made = { refundId: id, amount };
  if (status === "succeeded") return { ...made, outcome: "succeeded" };
  if (isOver(status)) return { ...made, ...failed(`The refund is ${status}: ${failure_reason ?? "no reason given"}`) };
  return { ...made, outcome: "pending", error: `The refund is ${status ?? "not decided"}` };
}

/**
 * A call that was refused for good is retried with another key, one whose outcome is unknown with the same key. Stripe replays a 500 and a
 * 402 for a day, so they need another key, too. That cannot refund anything twice, because each call asks for everything that is left.
 */
function resultWithoutObject(outcome: Exclude<Outcome<unknown>, { kind: "object" }>): RefundResult {
  const error = "why" in outcome ? `${outcome.kind}: ${outcome.why}` : outcome.kind;
  switch (outcome.kind) {
    case "refused":
      return { outcome: "refused", error: outcome.trace.errorCode ?? error };
    case "quarantine":
      return outcome.why === "idempotency_mismatch" ? { outcome: "refused", error } : failed(error);
    case "unknown":
      return { outcome: "retry", error, newKey: outcome.why === "server_error" || outcome.why === "card_error" };
    default:
      return { outcome: "retry", error };
  }
}

function failed(error: string): RefundResult {
  return { outcome: "failed", error };
}
