import { z } from "zod";
import { type Context, defineCommand, type Outcome, typedInteger, typedText } from "../command.ts";
import { UsageError } from "../errors.ts";
import { columns, indent, moment } from "../output.ts";
import type { Project } from "../project.ts";
import { alertRow } from "../rows.ts";
import { describeAlerts, detailsOf, readOpenAlerts } from "./status.ts";

const input = z.strictObject({
  all: z.boolean().default(false),
  resolve: typedInteger(1, Number.MAX_SAFE_INTEGER).optional(),
  reason: typedText.optional(),
});

export const alerts = defineCommand({
  name: "alerts",
  summary: "Open alerts; closes one that an event raised",
  options: {
    all: { help: "the last 50, closed ones too" },
    resolve: {
      value: "ID",
      help: "close the alert of an event; needs --reason. Others close when their cause is gone",
    },
    reason: { value: "TEXT", help: "why it may be closed; is kept with the alert" },
  },
  input,
  run: async (given: z.infer<typeof input>, context: Context) => {
    if ((given.resolve === undefined) !== (given.reason === undefined)) {
      throw new UsageError("Cannot resolve an alert without both: --resolve ID --reason TEXT");
    }
    const project = await context.connect();
    if (given.resolve !== undefined) return await resolve(project, { id: given.resolve, reason: given.reason! });
    return given.all ? await listAll(project) : await listOpen(project);
  },
});

async function listOpen(project: Project): Promise<Outcome> {
  const open = await readOpenAlerts(project);
  return { well: open.length === 0, json: open, text: describeAlerts(open, new Date()) };
}

async function listAll({ client, rows }: Project): Promise<Outcome> {
  const all = await rows(client.from("job_alerts").select("*").order("id", { ascending: false }).limit(50), alertRow);
  const now = new Date();
  const lines = all.map((it) => [
    `#${it.id}`,
    it.code ?? "",
    it.resolved_at === null ? "OPEN" : `closed ${moment(it.resolved_at, now)}`,
    it.severity,
    it.message,
    it.resolved_by === null ? "" : `by ${it.resolved_by}: ${it.resolved_reason}`,
  ]);
  const told = columns(lines).split("\n").flatMap((line, n) => [line, `    ${detailsOf(all[n]!)}`]);
  const text = all.length === 0 ? "There was no alert yet" : indent(told.join("\n"));
  return { well: all.every(({ resolved_at }) => resolved_at !== null), json: all, text };
}

async function resolve(project: Project, { id, reason }: { id: number; reason: string }): Promise<Outcome> {
  const alert = await project.call(
    "jobs_resolve_alert",
    { p_id: id, p_reason: reason, p_requested_by: project.requestedBy },
    alertRow,
  );
  return { well: true, json: alert, text: `Alert #${alert.id} is closed: ${alert.message}` };
}
