import assert from "node:assert/strict";
import { type ExamineContext, examineOrder } from "../../../functions/_shared/protocol/examine-order.ts";
import { createKeyCheck } from "../../../functions/_shared/protocol/key-check.ts";
import type { ClaimedOrder, OrderDecision } from "../../../functions/_shared/rules/orders.ts";
import { DEFAULT_POLICY } from "../../../functions/_shared/rules/policy.ts";
import { intent, NOW } from "../rules/builders.ts";
import { type Fake, refused } from "./fake-stripe.ts";

export type Expected = {
  outcome: OrderDecision["outcome"] | "untouched";
  reason?: string;
  /** Outcome and reason of the first payment. */
  payment?: string;
  next?: Date;
  calls?: string[];
  stop?: string;
};

export const canceled = intent({ status: "canceled" });
export const succeeded = intent({ status: "succeeded", amount_received: 5000 });
export const processing = intent({ status: "processing" });

export const read = (id: string) => `${id.startsWith("cs_") ? "readSession" : "readIntent"} ${id}`;
/** The n-th try to cancel it in the order's third attempt. */
export const cancel = (id: string, tries = 1) =>
  `${id.startsWith("cs_") ? "expireSession" : "cancelIntent"} ${id} lapse:test:${id}:3.${tries}`;
export const READ = read("pi_1");
export const CANCEL = cancel("pi_1");
export const SESSIONS = "sessionsOfIntent pi_1";
export const EXPIRE = cancel("cs_1");
export const READ_SESSION = read("cs_1");

export const refusal = (object: unknown = null) =>
  refused(400, { errorCode: "payment_intent_unexpected_state", object: object as never });

/** The world moves on while the call is under way. */
export function becomes<T>(stripe: Fake, change: object, outcome: T): () => T {
  return () => {
    stripe.set("id" in change ? String(change.id) : "pi_1", change);
    return outcome;
  };
}

export function contextOf(stripe: Pick<Fake, "gateway">, overrides: Partial<ExamineContext> = {}): ExamineContext {
  return {
    gateway: stripe.gateway,
    policy: DEFAULT_POLICY,
    clock: { now: () => NOW },
    metadataKey: "order_id",
    idempotencyScope: "test",
    dryRun: false,
    keyCheck: createKeyCheck({ isProven: true }),
    ...overrides,
  };
}

export function examine(stripe: Pick<Fake, "gateway">, claimed: ClaimedOrder, overrides: Partial<ExamineContext> = {}) {
  return examineOrder(claimed, contextOf(stripe, overrides));
}

/** Outcome and reason of the order and of each payment. */
export function wordsOf(decision: OrderDecision | null): string[] {
  if (decision === null) return ["untouched"];
  return [decision, ...decision.payments].map(({ outcome, reason }) => `${outcome} ${reason}`);
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
  if (expected.next || !["waiting", "handed_back"].includes(expected.outcome)) {
    assert.deepEqual(decision.nextCheckAt, expected.next ?? null);
  }
  assert.doesNotMatch(JSON.stringify(decision), /"would_/);
  if (expected.payment) assert.equal(wordsOf(decision)[1], expected.payment);
  if (decision.outcome === "expired") assert.ok(decision.payments.every(({ state }) => state === "dead"));
}
