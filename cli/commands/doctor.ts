import { z } from "zod";
import { defineCommand } from "../command.ts";
import { diagnose } from "../doctor/diagnose.ts";
import type { Target } from "../environment.ts";
import type { Finding } from "../doctor/finding.ts";
import { columns, counted } from "../output.ts";

type Given = Target["doctor"];

export const doctor = defineCommand({
  name: "doctor",
  summary: "Checks a deployed project from outside: what is wrong, and how to mend it",
  options: { mode: { value: "live|test", help: "mode the Stripe key should have (that of the last run)" } },
  input: z.strictObject({ mode: z.enum(["live", "test"], "neither live nor test").optional() }),
  run: async ({ mode }, context) => {
    const project = await context.connect();
    const findings = await diagnose(project, { livemode: mode === undefined ? null : mode === "live" });
    const faults = findings.filter(({ status }) => status === "fault").length;
    const text = [
      `Project ${project.target.url}`,
      columns(findings.map(describe)),
      faults === 0 ? "Nothing is wrong with what was checked" : counted(faults, "fault"),
      ...describeGaps(findings, project.target.doctor),
    ].join("\n");
    return { well: faults === 0, json: { project: project.target.url, faults, checks: findings }, text };
  },
});

/** A sound project and one that was hardly looked at must not read the same. */
function describeGaps(findings: Finding[], { publishableKey, schedulerSecret, stripeSecretKey }: Given): string[] {
  const open = findings.filter(({ status }) => status === "not_checked").map(({ check }) => check);
  const variables: [string, string | undefined][] = [
    ["LAPSE_PUBLISHABLE_KEY", publishableKey],
    ["JOBS_SCHEDULER_SECRET", schedulerSecret],
    ["STRIPE_SECRET_KEY", stripeSecretKey],
  ];
  const unset = variables.filter(([, value]) => value === undefined).map(([name]) => name);
  return [
    ...(open.length === 0 ? [] : [`${open.length} not checked: ${open.join(", ")}`]),
    ...(unset.length === 0 ? [] : [`To check more, set ${unset.join(", ")}`]),
  ];
}

const WORDS = { ok: "ok", fault: "FAULT", not_checked: "not checked" } as const;

function describe({ check, status, what, mend }: Finding): string[] {
  return [WORDS[status], check, mend === null ? what : `${what}. To mend: ${mend}`];
}
