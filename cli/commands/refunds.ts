import { z } from "zod";
import { defineCommand, orderRef, type Outcome, typedInteger, typedText } from "../command.ts";
import { UsageError } from "../errors.ts";
import { counted, moment, money, table } from "../output.ts";
import type { Project } from "../project.ts";
import { type RefundRow, refundRow } from "../rows.ts";

export const refunds = defineCommand({
  name: "refunds",
  summary: "Lists the refunds that Lapse makes; releases those that the daily limit holds",
  options: {
    release: {
      value: "held|REF",
      help: "release all held refunds, or an order's held and failed ones; needs --reason",
    },
    reason: { value: "TEXT", help: "why; recorded with the refund" },
    limit: { value: "N", help: "maximum number of refunds shown (50)" },
  },
  input: z.strictObject({
    release: orderRef.optional(),
    reason: typedText.optional(),
    limit: typedInteger(1, 1_000).default(50),
  }),
  run: async ({ release, reason, limit }, context) => {
    if ((release === undefined) !== (reason === undefined)) {
      const missing = release === undefined ? "--release held|REF" : "--reason TEXT";
      throw new UsageError(`Cannot release refunds: ${missing} is missing`);
    }
    const project = await context.connect();
    return release === undefined ? await listRefunds(project, limit) : await releaseRefunds(project, release, reason!);
  },
});

/** The newest comes last, next to the prompt, where it is seen first. */
async function listRefunds({ client, rows }: Project, limit: number): Promise<Outcome> {
  const query = client.from("lapse_refunds").select("*").order("created_at", { ascending: false }).limit(limit);
  const found = (await rows(query, refundRow)).reverse();
  const now = new Date();
  const text = found.length === 0 ? "Lapse has made no refund" : `Refunds\n${
    table(found.map((it) => [
      stateOf(it),
      money(it.amount, it.currency),
      it.ref,
      [it.stripeId, moment(it.createdAt, now), it.error, it.refundId]
        .filter((fact) => fact !== null).join(" · "),
    ]))
  }`;
  return { well: found.every((it) => it.status !== "failed" && it.heldSince === null), json: found, text };
}

function stateOf({ status, heldSince }: RefundRow): string {
  return heldSince === null ? status : "held";
}

async function releaseRefunds(project: Project, release: string, reason: string): Promise<Outcome> {
  const args = {
    p_ref: release === "held" ? null : release,
    p_reason: reason,
    p_requested_by: project.requestedBy,
  };
  const released = await project.call("lapse_release_refunds", args, z.int());
  return {
    well: true,
    json: { released },
    text: `${counted(released, "refund")} released; the next run of expire-stale-orders carries them out`,
  };
}
