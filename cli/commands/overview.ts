import { z } from "zod";
import { defineCommand } from "../command.ts";
import { counted, distance, paragraph, table } from "../output.ts";
import type { Project } from "../project.ts";
import { jobs, metricsRow, wordOf } from "../rows.ts";
import { readOpenAlerts } from "./alerts.ts";
import { readSchedule } from "./status.ts";

/** The output of `lapse` without a command: the state of the project on one screen, and which command to use next. */
export const overview = defineCommand({
  name: "",
  summary: "The project's state",
  options: {},
  input: z.strictObject({}),
  run: async (_given, context) => {
    const project = await context.connect();
    const [alerts, schedule, metrics, ...counts] = await Promise.all([
      readOpenAlerts(project),
      readSchedule(project),
      project.rows(project.client.from("lapse_metrics").select("*"), metricsRow),
      ...KINDS.map((kind) => countOrders(project, kind)),
    ]);
    const now = new Date();
    const states = jobs.map((job) => {
      const { lastSuccessTime = null, backlog = null } = metrics.find((it) => it.job === job) ?? {};
      const own = schedule?.schedules.find((it) => it.job === job);
      return {
        job,
        lastSuccessTime,
        due: own?.due ?? backlog,
        nextAt: own?.nextAt ?? null,
        active: own?.active ?? null,
      };
    });
    const orders = Object.fromEntries(KINDS.map((kind, n) => [kind, counts[n]!]));
    const lines = [
      `Project ${project.target.url}`,
      table([
        ...states.map(({ job, lastSuccessTime, due, nextAt, active }) => [
          wordOf(job),
          [
            lastSuccessTime === null ? "never succeeded" : `succeeded ${distance(lastSuccessTime, now)}`,
            active === false ? "PAUSED" : nextAt === null ? "" : `next ${distance(nextAt, now)}`,
            due === null ? "" : `${due.toLocaleString("en-US")} due`,
          ].filter((it) => it !== "").join(" · "),
        ]),
        ["orders", KINDS.map((kind) => `${upTo(orders[kind]!)} ${kind}`).join(" · ")],
        ["alerts", alerts.length === 0 ? "none open" : `${alerts.length} open`],
      ]),
      ...alerts.slice(0, SHOWN).map(({ code, key, severity, message, command }) =>
        [paragraph(`${code ?? key} ${severity}: ${message}`), `    ${command}`].join("\n")
      ),
      ...(alerts.length > SHOWN ? [`  … and ${counted(alerts.length - SHOWN, "more alert", "more alerts")}`] : []),
      "More: lapse alerts · lapse status · lapse orders --quarantined · lapse --help",
    ];
    const json = { project: project.target.url, jobs: states, orders, openAlerts: alerts };
    return { well: alerts.length === 0, json, text: lines.join("\n") };
  },
});

const KINDS = ["open", "quarantined"] as const;
const STATUSES = { open: ["pending", "expiring"], quarantined: ["quarantined"] };

/** How many alerts are shown; `lapse alerts` shows all of them with details. */
const SHOWN = 5;
const MOST = 1_000;

async function countOrders({ rows, client }: Project, kind: typeof KINDS[number]): Promise<number> {
  const query = client.from("lapse_orders").select("ref").in("status", STATUSES[kind]).limit(MOST);
  return (await rows(query, z.object({ ref: z.string() }))).length;
}

function upTo(count: number): string {
  return `${count.toLocaleString("en-US")}${count === MOST ? " or more" : ""}`;
}
