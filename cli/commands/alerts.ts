import { z } from "zod";
import { defineCommand, type Outcome, typedInteger, typedText } from "../command.ts";
import { UsageError } from "../errors.ts";
import { columns, counted, indent, moment, span } from "../output.ts";
import type { Project } from "../project.ts";
import { type AlertRow, alertRow, camelCased } from "../rows.ts";

export const alerts = defineCommand({
  name: "alerts",
  summary: "Open alerts; closes one that a person has dealt with",
  options: {
    all: { help: "the last 50, closed ones too" },
    resolve: { value: "ID", help: "close this alert; needs --reason. Most alerts close when their cause is gone" },
    reason: { value: "TEXT", help: "why it may be closed; is kept with the alert" },
  },
  input: z.strictObject({
    all: z.boolean().default(false),
    resolve: typedInteger(1, 999_999_999_999_999).optional(),
    reason: typedText.optional(),
  }),
  run: async ({ all, resolve, reason }, context) => {
    if ((resolve === undefined) !== (reason === undefined)) {
      const missing = resolve === undefined ? "--resolve ID" : "--reason TEXT";
      throw new UsageError(`Cannot resolve an alert: ${missing} is missing`);
    }
    const project = await context.connect();
    if (resolve !== undefined) return await resolveAlert(project, { id: resolve, reason: reason! });
    if (all) return await listAll(project);
    const open = await readOpenAlerts(project);
    return { well: open.length === 0, json: open, text: describeAlerts(open, new Date()) };
  },
});

/** Every open alert, the gravest first. */
export function readOpenAlerts({ rows, client }: Project): Promise<AlertRow[]> {
  const open = client.from("lapse_alerts").select("*").is("resolved_at", null);
  return rows(open.order("severity").order("id"), alertRow);
}

/** The open alerts with everything that the runbook tells to read. */
export function describeAlerts(open: AlertRow[], now: Date): string {
  if (open.length === 0) return "No alert is open";
  const lines = columns(open.map((it) => [
    `#${it.id}`,
    it.code ?? "",
    it.severity,
    it.message,
    `since ${span(now.getTime() - new Date(it.firstSeenAt).getTime())}, seen ${counted(it.occurrences, "time")}`,
  ])).split("\n");
  const told = lines.flatMap((line, n) => [line, `    ${detailsOf(open[n]!)}`]);
  return `Open alerts (docs/payments-ops.md says what to do)\n${indent(told.join("\n"))}`;
}

/** The key, which names the job or the order, and the details, in one line. */
function detailsOf({ key, details }: AlertRow): string {
  const known = z.record(z.string(), z.unknown()).safeParse(details);
  const facts = Object.entries(known.data ?? {}).map(([name, value]) =>
    `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`
  );
  return [key, ...facts].join(" · ").replaceAll(/\s+/g, " ");
}

async function listAll({ client, rows }: Project): Promise<Outcome> {
  const query = client.from("lapse_alerts").select("*").order("id", { ascending: false }).limit(50);
  const all = await rows(query, alertRow);
  const now = new Date();
  const lines = columns(all.map((it) => [
    `#${it.id}`,
    it.code ?? "",
    it.resolvedAt === null ? "OPEN" : `closed ${moment(it.resolvedAt, now)}`,
    it.severity,
    it.message,
    it.resolvedBy === null ? "" : `by ${it.resolvedBy}: ${it.resolvedReason}`,
  ])).split("\n");
  const told = lines.flatMap((line, n) => [line, `    ${detailsOf(all[n]!)}`]);
  const text = all.length === 0 ? "There has been no alert" : indent(told.join("\n"));
  return { well: all.every(({ resolvedAt }) => resolvedAt !== null), json: all, text };
}

async function resolveAlert(project: Project, { id, reason }: { id: number; reason: string }): Promise<Outcome> {
  const args = { p_id: id, p_reason: reason, p_requested_by: project.requestedBy };
  const alert = await project.call("lapse_resolve_alert", args, z.preprocess(camelCased, alertRow));
  return { well: true, json: alert, text: `Alert #${alert.id} is closed: ${alert.message}` };
}
