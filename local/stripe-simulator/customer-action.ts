import { z } from "zod";

/**
 * What happens to a payment outside the API: an action of the customer, a bank, a counter, or the shop's staff in the
 * Dashboard.
 */
export const customerActionSchema = z.strictObject({
  /** An intent, or for confirm_session and recover_session a session. */
  id: z.string(),
  verb: z.enum([
    "attach_pm",
    "confirm_ok",
    "decline",
    "start_3ds",
    "finish_3ds",
    "fail_3ds",
    "voucher_issue",
    "voucher_pay",
    "voucher_lapse",
    "bank_issue",
    "bank_fund",
    "async_submit",
    "async_settle",
    "async_fail",
    "authorise",
    "capture",
    "lapse_hold",
    "cancel_in_dashboard",
    "refund",
    "settle_refund",
    "fail_refund",
    "dispute",
    "win_dispute",
    "lose_dispute",
    "confirm_session",
    "recover_session",
  ]),
  /**
   * How long the object stays locked before the action takes effect. A cancel that arrives meanwhile meets the lock.
   */
  holdMs: z.number().min(0).optional(),
  /** bank_fund, capture, refund: how much (default all). */
  amount: z.int().optional(),
  /** voucher_issue: which (default oxxo) and until when, in seconds. async_submit: by what (default sepa_debit). */
  method: z.string().optional(),
  expiresAt: z.int().nullable().optional(),
  /** start_3ds: by a redirect instead of in the page. */
  redirect: z.boolean().optional(),
  /** confirm_session, recover_session: how the attempt ends (default paid). */
  outcome: z.enum(["paid", "declined", "three_d_secure", "processing", "voucher", "authorised"]).optional(),
});
export type CustomerAction = z.infer<typeof customerActionSchema>;
