import assert from "node:assert/strict";
import type { ClaimedOrder, OrderDecision } from "../../../../functions/_shared/orders.ts";
import { examineOrder } from "../../../../functions/_shared/stripe/examine-order.ts";
import { DEFAULT_POLICY } from "../../../../functions/_shared/stripe/policy.ts";
import { intent, NOW } from "../builders.ts";
import { type fakeStripe, refused } from "../fake-stripe.ts";

export type Fake = ReturnType<typeof fakeStripe>;
export type Expected = {
  outcome: OrderDecision["outcome"] | "untouched";
  reason?: string;
  /** Outcome and reason of the first payment. */
  payment?: string;
  next?: Date;
  /** The calls made, without the arguments of the keys. */
  calls?: string[];
  stop?: string;
};

export const canceled = intent({ status: "canceled" });
export const succeeded = intent({ status: "succeeded", amount_received: 5000 });
export const processing = intent({ status: "processing" });
export const READ = "readIntent pi_1";
export const CANCEL = "cancelIntent pi_1 lapse:pi_1:3";
export const SESSIONS = "sessionsOfIntent pi_1";
export const EXPIRE = "expireSession cs_1 lapse:cs_1:3";
export const READ_SESSION = "readSession cs_1";

export const refusal = (object: unknown = null) =>
  refused(400, { errorCode: "payment_intent_unexpected_state", object: object as never });

/** The world moves on while the call is under way. */
export function becomes<T>(stripe: Fake, change: object, reply: T): () => T {
  return () => {
    stripe.set("id" in change ? String(change.id) : "pi_1", change);
    return reply;
  };
}

export function examine(stripe: Fake, claimed: ClaimedOrder, { dryRun = false } = {}) {
  return examineOrder(claimed, { gateway: stripe.gateway, policy: DEFAULT_POLICY, clock: () => NOW, dryRun });
}

export async function expectDecision(
  stripe: Fake,
  { order: claimed, expected }: { order: ClaimedOrder; expected: Expected },
): Promise<void> {
  const { decision, stop } = await examine(stripe, claimed);
  assert.equal(decision?.outcome ?? "untouched", expected.outcome);
  assert.equal(stop, expected.stop ?? null);
  if (expected.calls) assert.deepEqual(stripe.calls, expected.calls);
  if (!decision) return;
  assert.equal(decision.attempt, claimed.attempt);
  if (expected.reason) assert.equal(decision.reason, expected.reason);
  assert.deepEqual(
    decision.nextCheckAt,
    expected.next ?? (expected.outcome === "waiting" ? decision.nextCheckAt : null),
  );
  assert.doesNotMatch(JSON.stringify(decision), /"would_/);
  const first = decision.payments[0];
  if (expected.payment) assert.equal(`${first?.outcome} ${first?.reason}`, expected.payment);
  if (decision.outcome === "expired") assert.ok(decision.payments.every(({ state }) => state === "dead"));
}
