import type { Settings } from "../database/contracts.ts";
import { DEFAULT_POLICY, type VerdictPolicy } from "../stripe/policy.ts";

/** The shop's settings in the protocol's units: milliseconds. */
export function policyOf(settings: Settings): VerdictPolicy {
  return {
    ...DEFAULT_POLICY,
    customerActionGrace: settings.customerActionGraceSeconds * 1_000,
    processingRecheck: settings.processingRecheckSeconds * 1_000,
    captureRecheck: settings.captureRecheckSeconds * 1_000,
    voucherSettleGrace: settings.voucherSettleGraceSeconds * 1_000,
    slowMethodWindow: settings.slowMethodWindowSeconds * 1_000,
  };
}
