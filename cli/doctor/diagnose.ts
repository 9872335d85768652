import { migrationsFolder } from "../environment.ts";
import { readOpenAlerts } from "../commands/status.ts";
import { span } from "../output.ts";
import type { Project } from "../project.ts";
import { jobs, runRow } from "../rows.ts";
import { judgeClocks } from "./clocks.ts";
import { type CheckName, CHECKS, fault, type Finding, notChecked } from "./finding.ts";
import { askAsStranger, checkHealth, checkJob } from "./functions.ts";
import { inspect, type Inspection } from "./inspection.ts";
import { checkExtensions, checkMigrations, checkPrivileges, checkSettings, checkVault } from "./installed.ts";
import { checkAlerts, checkInvariants, checkRuns, checkSchedules, checkWatch } from "./state.ts";
import { checkStripe } from "./stripe.ts";

/** Looks at everything, from outside; changes nothing and starts no run. One finding per check. */
export async function diagnose(project: Project, { livemode }: { livemode: boolean | null }): Promise<Finding[]> {
  const { url, doctor } = project.target;
  const found = await inspect(project, doctor.schedulerSecret);
  const here = new Date();
  const expected = livemode ?? found?.state.value?.livemode ?? null;
  const [stripe, strangers, last, open, health, ...jobFindings] = await Promise.all([
    checkStripe({ secretKey: doctor.stripeSecretKey, apiBase: doctor.stripeApiBase }, expected),
    askAsStranger(url, doctor.publishableKey),
    describeLastRuns(project),
    found === null ? [] : readOpenAlerts(project),
    checkHealth(url),
    ...jobs.map((job) => checkJob(job, { url, ...doctor })),
  ]);
  const inside = found === null ? blind() : [
    checkMigrations(found, migrationFiles()),
    checkSettings(found),
    checkExtensions(found),
    checkVault(found, `${url}/functions/v1`),
    checkSchedules(found),
    checkWatch(found),
    checkPrivileges(found, strangers),
    checkRuns(found, last),
    checkInvariants(found),
    checkAlerts(found, open),
    judgeClocks({ here, database: new Date(found.now), stripe: stripe.date }),
  ];
  return withoutConsequences([...inside, ...stripe.findings, health, ...jobFindings], found)
    .toSorted((a, b) => CHECKS.indexOf(a.check) - CHECKS.indexOf(b.check));
}

/** Without the doctor's own function nothing private can be seen. */
function blind(): Finding[] {
  const seen: CheckName[] = [
    "settings",
    "extensions",
    "vault",
    "schedules",
    "watch",
    "privileges",
    "runs",
    "invariants",
  ];
  const what = "the project lacks jobs_inspect, or its API has not noticed it yet";
  return [
    fault("migrations", what, "npx supabase db push --remote --yes; then notify pgrst, 'reload schema';"),
    ...[...seen, "alerts" as const, "clocks" as const].map((check) => notChecked(check, "follows from migrations")),
  ];
}

/** Where the settings or an extension are gone, other checks cannot look; that is no fault of their own. */
function withoutConsequences(findings: Finding[], found: Inspection | null): Finding[] {
  const cause = findings.find(({ check, status }) =>
    status === "fault" && (check === "settings" || check === "extensions")
  );
  if (cause === undefined || found === null) return findings;
  const follows: CheckName[] = cause.check === "settings"
    ? ["schedules", "watch", "runs", "invariants", "alerts", "jobs-health"]
    : ["vault", "schedules", "watch", "runs", "invariants", "alerts"];
  return findings.map((it) =>
    it.status === "fault" && follows.includes(it.check) ? notChecked(it.check, `follows from ${cause.check}`) : it
  );
}

async function describeLastRuns({ client, rows }: Project): Promise<string> {
  const last = await Promise.all(jobs.map(async (job) => {
    const query = client.from("job_runs").select("*").eq("job", job).order("created_at", { ascending: false }).limit(1);
    const [run] = await rows(query, runRow);
    return run ? `${job}: ${run.status} ${span(Date.now() - Date.parse(run.created_at))} ago` : `${job}: no run yet`;
  }));
  return last.join("; ");
}

function migrationFiles(): string[] {
  return [...Deno.readDirSync(migrationsFolder)].map(({ name }) => name).filter((name) => name.endsWith(".sql")).sort();
}
