import { z } from "zod";
import { type Context, defineCommand, orderRef, type Outcome, stripeId, typedText } from "../command.ts";
import type { Project } from "../project.ts";
import { describeRun, isGoodRun, runForOrder, waitForOthers } from "../runs.ts";
import { describeOrder } from "./orders.ts";

// Commands that act on one order. Each needs the secret key and a reason, which is recorded with the order.

const reason = { value: "TEXT", help: "why; recorded with the order" };

export const sync = defineCommand({
  name: "sync",
  argument: "REF",
  summary: "Asks Stripe about one order now and settles it; for orders past their deadline, and quarantined ones",
  options: { reason },
  input: z.strictObject({ argument: orderRef, reason: typedText }),
  run: async ({ argument, reason }, context) => {
    const project = await context.connect();
    const args = { p_ref: argument, p_reason: reason, p_requested_by: project.requestedBy };
    const queue = async () => (await project.call("lapse_sync_order", args, z.object({ runId: z.guid() }))).runId;
    return await runAndDescribe(project, { ref: argument, queue, context });
  },
});

type Wish = { ref: string; queue: () => Promise<string>; context: Context };

async function runAndDescribe(project: Project, { ref, queue, context }: Wish): Promise<Outcome> {
  const run = await runForOrder(project, { ref, queue, progress: context.progress });
  const [told, order] = [await describeRun(project, run), await describeOrder(project, ref)];
  const json = { run, ...(order.json as object) };
  return { well: isGoodRun(run), json, text: `${told.text}\n\n${order.text}` };
}

export const redrive = defineCommand({
  name: "redrive",
  argument: "REF",
  summary: "Returns a quarantined order to the job: due at once, with its failures reset",
  options: { reason },
  input: z.strictObject({ argument: orderRef, reason: typedText }),
  run: async ({ argument, reason }, context) => {
    const project = await context.connect();
    const args = { p_ref: argument, p_reason: reason, p_requested_by: project.requestedBy };
    await project.call("lapse_redrive_order", args, z.unknown());
    const text = `Order ${argument} is pending again; the next run inspects it`;
    return { well: true, json: { ref: argument, status: "pending" }, text };
  },
});

export const declareDead = defineCommand({
  name: "declare-dead",
  argument: "PAYMENT",
  summary: "Declares one payment dead that Stripe can neither find nor cancel, and returns its order to the job",
  options: { reason: { value: "TEXT", help: "how you know that it will never be paid; recorded with the payment" } },
  input: z.strictObject({ argument: stripeId, reason: typedText }),
  run: async ({ argument, reason }, context) => {
    const project = await context.connect();
    const args = { p_stripe_id: argument, p_reason: reason, p_requested_by: project.requestedBy };
    const { ref } = await project.call("lapse_declare_dead", args, z.looseObject({ ref: z.string() }));
    const text = `Payment ${argument} is recorded as dead; order ${ref} is pending again, and the next run inspects it`;
    return { well: true, json: { stripeId: argument, state: "dead", ref, status: "pending" }, text };
  },
});

export const resolve = defineCommand({
  name: "resolve",
  argument: "REF",
  summary:
    "Closes an order on your word: as paid; or, if it is quarantined, as expired, unless money was or may be received",
  options: { as: { value: "paid|expired", help: "the order's final state" }, reason },
  input: z.strictObject({
    argument: orderRef,
    as: z.enum(["paid", "expired"], "it is neither paid nor expired"),
    reason: typedText,
  }),
  run: async ({ argument, as, reason }, context) => {
    const project = await context.connect();
    const args = { p_ref: argument, p_as: as, p_reason: reason, p_requested_by: project.requestedBy };
    if (as === "paid") {
      await project.call("lapse_resolve_order", args, z.unknown());
      return { well: true, json: { ref: argument, status: as }, text: `Order ${argument} is paid` };
    }
    // A run asks Stripe and cancels what can be cancelled. Only this run accepts the operator's word about the
    // payments, so no other run may take the order in the meantime.
    await waitForOthers(project, context.progress);
    const queue = async () => (await project.call("lapse_resolve_order", args, z.object({ runId: z.guid() }))).runId;
    const outcome = await runAndDescribe(project, { ref: argument, queue, context });
    const { order } = outcome.json as { order: { status: string } };
    return { ...outcome, well: order.status === "expired" };
  },
});
