import assert from "node:assert/strict";
import { DEFAULT_POLICY, policyOf } from "../../../functions/_shared/rules/policy.ts";

Deno.test("a shop's settings shape the policy: seconds become milliseconds, and the rest keeps its default", () => {
  const settings = {
    customerActionGraceSeconds: 1,
    processingRecheckSeconds: 2,
    captureRecheckSeconds: 3,
    voucherSettleGraceSeconds: 4,
    slowMethodWindowSeconds: 5,
    cleanupScope: "known",
    disputedPayments: "paid",
  } as const;
  assert.deepEqual(policyOf(settings), {
    ...DEFAULT_POLICY,
    customerActionGrace: 1_000,
    processingRecheck: 2_000,
    captureRecheck: 3_000,
    voucherSettleGrace: 4_000,
    slowMethodWindow: 5_000,
    cleanupScope: "known",
    disputedPayments: "paid",
  });
});
