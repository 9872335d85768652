import { z } from "zod";
import { defineCommand, type Outcome, typedInteger, typedText } from "../command.ts";
import { UsageError } from "../errors.ts";
import { counted, distance, moment, paragraph, table, wrap } from "../output.ts";
import type { Project } from "../project.ts";
import { type AlertRow, alertRow, camelCased } from "../rows.ts";

export const alerts = defineCommand({
  name: "alerts",
  summary: "Lists the open alerts; closes one that you have dealt with",
  options: {
    all: { help: "the last 50, closed ones too" },
    resolve: { value: "ID", help: "close this alert; needs --reason. Most alerts close when their cause is gone" },
    reason: { value: "TEXT", help: "why it may be closed; recorded with the alert" },
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

/** Every open alert, the most severe first. */
export function readOpenAlerts({ rows, client }: Project): Promise<AlertRow[]> {
  const open = client.from("lapse_alerts").select("*").is("resolved_at", null);
  return rows(open.order("severity").order("id"), alertRow);
}

/** The open alerts with all details. */
export function describeAlerts(open: AlertRow[], now: Date): string {
  if (open.length === 0) return "No alert is open";
  return open.map((alert) => describeAlert(alert, now)).join("\n\n");
}

function describeAlert(alert: AlertRow, now: Date): string {
  const { id, code, key, severity, message, object, cause, command, advice, runbook, stripeUrl, since } = alert;
  const facts = [
    ["about", object],
    ...(cause === null ? [] : [["cause", cause]]),
    ["since", `${moment(since, now)}, seen ${counted(alert.occurrences, "time")}`],
    ["next", command],
    ["to do", advice],
    ...(stripeUrl === null ? [] : [["Stripe", stripeUrl]]),
    ["runbook", runbook],
  ];
  return [...wrap(`#${id} ${code ?? key} ${severity}: ${message}`), table(facts)].join("\n");
}

async function listAll({ client, rows }: Project): Promise<Outcome> {
  const query = client.from("lapse_alerts").select("*").order("id", { ascending: false }).limit(50);
  const all = await rows(query, alertRow);
  const now = new Date();
  const told = all.map((alert) => {
    const { id, code, key, severity, message, object } = alert;
    return [
      ...wrap(`#${id} ${code ?? key} ${severity}: ${message}`),
      paragraph(`${object}; ${describeEnd(alert, now)}`, 4),
    ].join("\n");
  });
  const text = all.length === 0 ? "There has never been an alert" : told.join("\n");
  return { well: all.every(({ resolvedAt }) => resolvedAt !== null), json: all, text };
}

function describeEnd({ resolvedAt, resolvedBy, resolvedReason, partOf, since }: AlertRow, now: Date): string {
  if (resolvedAt === null) return `OPEN since ${moment(since, now)}`;
  const how = resolvedBy !== null
    ? ` by ${resolvedBy}: ${resolvedReason}`
    : partOf !== null
    ? `: it became part of ${partOf}`
    : ": its cause was gone";
  return `closed ${distance(resolvedAt, now)}${how}`;
}

async function resolveAlert(project: Project, { id, reason }: { id: number; reason: string }): Promise<Outcome> {
  const args = { p_id: id, p_reason: reason, p_requested_by: project.requestedBy };
  const alert = await project.call("lapse_resolve_alert", args, z.preprocess(camelCased, alertRow));
  return { well: true, json: alert, text: `Alert #${alert.id} is closed: ${alert.message}` };
}
