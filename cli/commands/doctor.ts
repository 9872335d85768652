import { z } from "zod";
import { defineCommand } from "../command.ts";
import { diagnose } from "../doctor/diagnose.ts";
import type { Finding } from "../doctor/finding.ts";
import { columns } from "../output.ts";

export const doctor = defineCommand({
  name: "doctor",
  summary: "Checks a deployed project from outside: what is wrong, and how to mend it",
  options: { mode: { value: "live|test", help: "mode the Stripe key should have (that of the last run)" } },
  input: z.strictObject({ mode: z.enum(["live", "test"]).optional() }),
  run: async ({ mode }, context) => {
    const project = await context.connect();
    const findings = await diagnose(project, { livemode: mode === undefined ? null : mode === "live" });
    const faults = findings.filter(({ status }) => status === "fault").length;
    const text = [
      `Project ${project.target.url}`,
      columns(findings.map(describe)),
      faults === 0 ? "Nothing is wrong with what was checked" : `${faults} ${faults === 1 ? "fault" : "faults"}`,
    ].join("\n");
    return { well: faults === 0, json: { project: project.target.url, faults, checks: findings }, text };
  },
});

const WORDS = { ok: "ok", fault: "FAULT", not_checked: "not checked" } as const;

function describe({ check, status, what, mend }: Finding): string[] {
  return [WORDS[status], check, mend === null ? what : `${what}. To mend: ${mend}`];
}
