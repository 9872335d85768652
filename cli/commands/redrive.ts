import { z } from "zod";
import { defineCommand, orderId, typedText } from "../command.ts";
import { uuid } from "../rows.ts";

export const redrive = defineCommand({
  name: "redrive",
  argument: "ORDER",
  summary: "Gives a quarantined order back to the job, due at once, with a fresh count of attempts",
  options: { reason: { value: "TEXT", help: "why; is kept with the order" } },
  input: z.strictObject({ argument: orderId, reason: typedText }),
  run: async ({ argument, reason }, context) => {
    const project = await context.connect();
    const order = await project.call(
      "jobs_redrive_order",
      { p_order_id: argument, p_reason: reason, p_requested_by: project.requestedBy },
      z.looseObject({ id: uuid }),
    );
    const text = `Order ${order.id} is pending again; the next run looks at it`;
    return { well: true, json: { orderId: order.id, status: "pending" }, text };
  },
});
