import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { defineCommand } from "../command.ts";
import { inspect, judgeDatabase } from "../doctor/database.ts";
import { type CheckName, CHECKS, fault, type Finding, notChecked } from "../doctor/finding.ts";
import { askAsStranger, checkHealth, checkJob, readVersions } from "../doctor/functions.ts";
import { findRepository, judgeInstall, judgeVersions } from "../doctor/install.ts";
import { checkStripe, judgeClocks } from "../doctor/stripe.ts";
import { checkEvents } from "../doctor/stripe-endpoints.ts";
import { isPackaged } from "../install/release.ts";
import { findMigration, type Repository } from "../install/repository.ts";
import { columns, counted, span, wrap } from "../output.ts";
import type { Project } from "../project.ts";
import { jobs, runRow } from "../rows.ts";
import type { Target } from "../target.ts";
import { PUSH } from "../supabase.ts";
import { readOpenAlerts } from "./alerts.ts";
import { finding as adapterFinding } from "./enable.ts";

const migrationsFolder = fileURLToPath(new URL("../../migrations", import.meta.url));

export const doctor = defineCommand({
  name: "doctor",
  summary: "Checks a deployed project from outside: what is wrong, and how to fix it. Changes nothing",
  options: { mode: { value: "live|test", help: "mode that the Stripe key should have (that of the last run)" } },
  input: z.strictObject({ mode: z.enum(["live", "test"], "it is neither live nor test").optional() }),
  run: async ({ mode }, context) => {
    const project = await context.connect();
    const findings = await diagnose(project, mode === undefined ? null : mode === "live");
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

/** Runs all checks; each makes one finding. It starts no run. `livemode` null: the mode of the last run is expected. */
async function diagnose(project: Project, livemode: boolean | null): Promise<Finding[]> {
  const { url, doctor, credentials } = project.target;
  const secretKey = credentials.kind === "key" ? credentials.secretKey : undefined;
  const found = await inspect(project, doctor.schedulerSecret);
  const here = new Date();
  const expected = livemode ?? found?.state.value?.livemode ?? null;
  const repository = findRepository();
  const key = { secretKey: doctor.stripeSecretKey, apiBase: doctor.stripeApiBase };
  const [functions, stripe, health, events, ...jobFindings] = await Promise.all([
    readVersions({ url, secretKey, ...doctor }),
    checkStripe(key, {
      livemode: expected,
      refunds: found?.state.value?.refunds ?? false,
    }),
    checkHealth(url),
    checkEvents(url, key),
    ...jobs.map((job) => checkJob(job, { url, secretKey, ...doctor })),
  ]);
  const versions = { database: found?.version?.value ?? null, functions };
  const install = [judgeInstall(repository), judgeVersions(versions, repository?.lock ?? null)];
  const outside = [...install, ...stripe.findings, health, ...events, ...jobFindings];
  if (found === null) return inOrder([...outside, ...blind(outside)]);

  const hasAdapter = found.adapter.value?.problem === null;
  const [adapterFaults, strangers, lastRuns, openAlerts] = await Promise.all([
    hasAdapter && secretKey !== undefined ? testAdapter(project) : null,
    askAsStranger(url, doctor.publishableKey),
    describeLastRuns(project),
    readOpenAlerts(project),
  ]);
  const beside = {
    files: migrationsOf(repository),
    adapterFaults,
    strangers,
    lastRuns,
    openAlerts,
  };
  const clocks = judgeClocks({ here, database: new Date(found.now), stripe: stripe.date });
  return inOrder(withoutConsequences([...judgeDatabase(found, beside), clocks, ...outside]));
}

/** The file names of Lapse's migrations: those in the shop's lock file or, in Lapse's own repository, those in migrations/. Null if neither is here. */
function migrationsOf(repository: Repository | null): string[] | null {
  const { lock } = repository ?? { lock: null };
  if (lock) return lock.migrations.flatMap((entry) => findMigration(repository!, entry)?.file ?? []).sort();
  return isPackaged ? null : readdirSync(migrationsFolder).filter((name) => name.endsWith(".sql")).sort();
}

function inOrder(findings: Finding[]): Finding[] {
  return findings.toSorted((a, b) => CHECKS.indexOf(a.check) - CHECKS.indexOf(b.check));
}

/** The finding when lapse_inspect is missing, so that nothing private can be read. */
function blind(outside: Finding[]): Finding[] {
  const inside = CHECKS.filter((check) =>
    check !== "migrations" && outside.every((finding) => finding.check !== check)
  );
  const what = "the project lacks lapse_inspect, or its API has not noticed it yet";
  return [
    fault("migrations", what, `${PUSH}; then: notify pgrst, 'reload schema';`),
    ...inside.map((check) => notChecked(check, "follows from migrations")),
  ];
}

/** Checks that fail only because another one does. */
const CONSEQUENCES: Partial<Record<CheckName, CheckName[]>> = {
  settings: ["schedules", "watch", "runs", "invariants", "alerts", "drift", "lapse-health"],
  extensions: ["vault", "schedules", "watch", "runs", "invariants", "alerts"],
  adapter: ["drift", "runs", "alerts"],
};

function withoutConsequences(findings: Finding[]): Finding[] {
  const cause = findings.find(({ check, status }) => status === "fault" && check in CONSEQUENCES);
  if (cause === undefined) return findings;
  const follows = CONSEQUENCES[cause.check]!;
  return findings.map((it) =>
    it.status === "fault" && follows.includes(it.check) ? notChecked(it.check, `follows from ${cause.check}`) : it
  );
}

/** The adapter's self-test is rolled back. */
async function testAdapter(project: Project): Promise<string[]> {
  const findings = await project.call("lapse_test_adapter", {}, z.array(adapterFinding));
  return findings.filter(({ ok }) => ok === false).map(({ message }) => message);
}

async function describeLastRuns({ client, rows }: Project): Promise<string> {
  const last = await Promise.all(jobs.map(async (job) => {
    const own = client.from("lapse_runs").select("*").eq("job", job);
    const [run] = await rows(own.order("created_at", { ascending: false }).limit(1), runRow);
    return run ? `${job}: ${run.status} ${span(Date.now() - Date.parse(run.createdAt))} ago` : `${job}: no run yet`;
  }));
  return last.join("; ");
}

/** Skipped checks are listed, so that a project that was hardly checked does not look sound. */
function describeGaps(findings: Finding[], given: Target["doctor"]): string[] {
  const open = findings.filter(({ status }) => status === "not_checked").map(({ check }) => check);
  const variables: [string, string | undefined][] = [
    ["LAPSE_PUBLISHABLE_KEY", given.publishableKey],
    ["LAPSE_SCHEDULER_SECRET", given.schedulerSecret],
    ["STRIPE_SECRET_KEY", given.stripeSecretKey],
  ];
  const unset = variables.filter(([, value]) => value === undefined).map(([name]) => name);
  return [
    ...(open.length === 0 ? [] : wrap(`${open.length} not checked: ${open.join(", ")}`)),
    ...(unset.length === 0 ? [] : wrap(`To check more, set ${unset.join(", ")}`)),
  ];
}

const WORDS = { ok: "ok", fault: "FAULT", not_checked: "not checked" } as const;

function describe({ check, status, what, fix }: Finding): string[] {
  return [WORDS[status], check, fix === null ? what : `${what}. Fix: ${fix}`];
}
