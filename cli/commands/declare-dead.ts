import { z } from "zod";
import { accountId, defineCommand, stripeId, typedText } from "../command.ts";
import { uuid } from "../rows.ts";

export const declareDead = defineCommand({
  name: "declare-dead",
  argument: "PAYMENT",
  summary: "Declares one payment dead that Stripe lets nobody end (Q15), and gives its order back to the job",
  options: {
    reason: { value: "TEXT", help: "how you know that it will never be paid; is kept with the payment" },
    account: { value: "ACCT", help: "the connected account it lives on, for a direct charge" },
  },
  input: z.strictObject({ argument: stripeId, reason: typedText, account: accountId.optional() }),
  run: async ({ argument, reason, account }, context) => {
    const project = await context.connect();
    const { orderId } = await project.call(
      "jobs_declare_dead",
      { p_stripe_id: argument, p_stripe_account: account ?? null, p_reason: reason, p_actor: project.requestedBy },
      z.looseObject({ orderId: uuid }),
    );
    const text =
      `Payment ${argument} is recorded as dead; order ${orderId} is pending again, and the next run looks at it`;
    return { well: true, json: { stripeId: argument, state: "dead", orderId, status: "pending" }, text };
  },
});
