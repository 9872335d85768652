import { z } from "zod";
import { MissingError } from "../errors.ts";
import { span } from "../output.ts";
import type { Project } from "../project.ts";
import type { AlertRow } from "../rows.ts";
import { PUSH } from "../supabase.ts";
import { type CheckName, fault, type Finding, listed, notChecked, ok } from "./finding.ts";

// Checks of the database. All of them use one call of lapse_inspect.

/** One part of the answer: what was found, or why the database could not tell. */
type Part<T> = { value: T; error: null } | { value: null; error: string };

function part<T>(value: z.ZodType<T>): z.ZodType<Part<T>> {
  return z.union([
    z.looseObject({ error: z.string() }).transform(({ error }): Part<T> => ({ value: null, error })),
    z.looseObject({ value }).transform((it): Part<T> => ({ value: it.value as T, error: null })),
  ]);
}

const entry = z.enum(["ok", "missing", "unreadable", "not_https", "elsewhere", "short", "differs"]);
const condition = z.object({ kind: z.string(), code: z.string(), message: z.string() });

const inspection = z.object({
  now: z.string(),
  postgres: z.string(),
  adapter: part(z.object({ problem: z.string().nullable() })),
  drift: part(z.array(z.object({ name: z.string(), ref: z.string() }))),
  migrations: part(z.array(z.string()).nullable()),
  extensions: part(
    z.array(z.object({ name: z.string(), installed: z.string().nullable(), available: z.string().nullable() })),
  ),
  secrets: part(z.record(z.string(), entry)),
  privileges: part(z.array(z.string())),
  schedules: part(z.array(z.string())),
  conditions: part(z.array(condition)),
  state: part(z.object({
    settings: z.boolean(),
    paused: z.array(z.string()),
    livemode: z.boolean().nullable(),
    /** Whether the settings allow Lapse to make refunds. */
    refunds: z.boolean().nullable(),
    watchedAt: z.string().nullable(),
  })),
  health: part(z.array(z.string())),
  /** Missing in installs from before the first release. */
  version: part(z.string()).optional(),
});
export type Inspection = z.infer<typeof inspection>;

/** Null if the database lacks the function; then nothing private can be read. */
export async function inspect(project: Project, schedulerSecret: string | undefined): Promise<Inspection | null> {
  const asked = {
    functionsUrl: `${project.target.url}/functions/v1`,
    ...(schedulerSecret === undefined ? {} : { schedulerSecretSha256: await sha256(schedulerSecret) }),
  };
  try {
    return await project.call("lapse_inspect", { p_asked: asked }, inspection);
  } catch (error) {
    if (error instanceof MissingError) return null;
    throw error;
  }
}

/** The database compares digests, because the secret itself must not be sent in a request. */
async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export type Beside = {
  /** The names of Lapse's migrations in this repository, in order; null if they are not known. */
  files: string[] | null;
  /** What the adapter's self-test found wrong; null if it did not run. */
  adapterFaults: string[] | null;
  strangers: { open: string[]; asked: boolean };
  lastRuns: string;
  openAlerts: AlertRow[];
};

/** All findings about the database. */
export function judgeDatabase(found: Inspection, beside: Beside): Finding[] {
  return [
    judged("migrations", found.migrations, (applied) => judgeMigrations(applied, beside.files)),
    judged(
      "settings",
      found.state,
      ({ settings }) =>
        settings ? ok("settings", "there is a row") : fault(
          "settings",
          "lapse.settings has no row: no run can start",
          "insert into lapse.settings default values;",
        ),
    ),
    judged("extensions", found.extensions, (all) => judgeExtensions(all, found.postgres)),
    judged(
      "adapter",
      found.adapter,
      ({ problem }) => judgeAdapter(problem, beside.adapterFaults),
    ),
    judged("drift", found.drift, judgeDrift),
    judged("vault", found.secrets, (secrets) => judgeVault(secrets)),
    judged("schedules", found.schedules, (problems) => judgeSchedules(problems, found.state.value?.paused ?? [])),
    judged("watch", found.health, (reasons) => judgeWatch(reasons, found)),
    judged("privileges", found.privileges, (excess) => judgePrivileges(excess, beside.strangers)),
    judged("runs", found.conditions, (all) => judgeConditions("runs", all, beside.lastRuns)),
    judged(
      "invariants",
      found.conditions,
      (all) => judgeConditions("invariants", all, "the ledger and its counters agree with each other"),
    ),
    judged("alerts", found.conditions, (all) => judgeAlerts(all, beside.openAlerts)),
  ];
}

/** The finding for something that the database could not report. */
function judged<T>(check: CheckName, { value, error }: Part<T>, judge: (value: T) => Finding): Finding {
  return error === null ? judge(value as T) : notChecked(check, error);
}

/** Compares Lapse's migrations in this repository with the applied ones. The shop's own migrations are ignored. */
function judgeMigrations(applied: string[] | null, files: string[] | null): Finding {
  if (files === null) return notChecked("migrations", NOT_IN_REPOSITORY);
  if (applied === null) return notChecked("migrations", "the project keeps no history of migrations");
  const missing = files.filter((file) => !applied.includes(file.split("_")[0]!));
  if (missing.length === 0) return ok("migrations", `all ${files.length} are applied`);
  return fault("migrations", `not applied: ${listed(missing, 3)}`, PUSH);
}

export const NOT_IN_REPOSITORY = "there is no supabase/lapse.json here: run this in the shop's repository";

function judgeAdapter(problem: string | null, faults: string[] | null): Finding {
  if (problem !== null) return fault("adapter", problem, "npm run lapse -- adapter, in a migration of yours");
  if (faults === null) {
    return ok("adapter", "schema lapse_shop has what Lapse calls; its self-test needs LAPSE_SECRET_KEY");
  }
  if (faults.length > 0) {
    return fault("adapter", listed(faults), "npm run lapse -- enable --test, until it finds nothing");
  }
  return ok("adapter", "schema lapse_shop has what Lapse calls, and passes its self-test");
}

type Extension = { name: string; installed: string | null; available: string | null };

function judgeExtensions(all: Extension[], postgres: string): Finding {
  const missing = all.filter(({ installed }) => installed === null).map(({ name }) => name);
  if (missing.length > 0) {
    const fix = missing.map((name) => `create extension ${name};`).join(" ");
    return fault("extensions", `missing: ${missing.join(", ")}`, fix);
  }
  const old = all.filter(({ installed, available }) => available !== null && installed !== available);
  if (old.length > 0) {
    const what = old.map(({ name, installed, available }) => `${name} is ${installed}, the server has ${available}`);
    return fault("extensions", what.join("; "), old.map(({ name }) => `alter extension ${name} update;`).join(" "));
  }
  const versions = all.map(({ name, installed }) => `${name} ${installed}`);
  return ok("extensions", `${versions.join(", ")}, PostgreSQL ${postgres}`);
}

function judgeDrift(rows: { name: string; ref: string }[]): Finding {
  if (rows.length === 0) return ok("drift", "shop and ledger agree");
  const sentences = rows.map(({ name, ref }) => `${name}: order ${ref}`);
  return fault("drift", listed(sentences), "select lapse.adopt_orders(); then see the runbook, L022");
}

const ENTRIES: Record<Exclude<z.infer<typeof entry>, "ok">, [what: string, fix: string]> = {
  missing: ["is missing", "{set}"],
  unreadable: ["cannot be decrypted", "{set}"],
  not_https: ["is not https", "{set}"],
  elsewhere: ["names another project", "{set}"],
  short: ["is shorter than 32 characters", "set a longer one in Vault and as LAPSE_SCHEDULER_SECRET of the functions"],
  differs: ["is not the LAPSE_SCHEDULER_SECRET of this environment", "give Vault and the functions the same one"],
};

/** Whether the schedule can read the Vault entries it needs. Their values never leave the database. */
function judgeVault(secrets: Record<string, z.infer<typeof entry>>): Finding {
  const setters: Record<string, string> = {
    // Neither a migration nor `db push` writes these: the functions tell them, when they are asked to.
    lapse_functions_url: "npm run lapse -- enable",
    lapse_scheduler_secret: "npm run lapse -- enable",
    lapse_alert_webhook_url: "select lapse.set_alert_webhook('https://…');",
  };
  // Entries that only send notifications, the webhook and the ping, are optional.
  const needed = ["lapse_functions_url", "lapse_scheduler_secret"];
  const faults = Object.entries(secrets).flatMap(([name, state]) => {
    if (state === "ok" || (state === "missing" && !needed.includes(name))) return [];
    const [what, fix] = ENTRIES[state];
    return [{
      what: `${name} ${what}`,
      fix: fix.replace("{set}", setters[name] ?? `select lapse.set_secret('${name}', '…');`),
    }];
  });
  if (faults.length > 0) {
    return fault("vault", listed(faults.map(({ what }) => what)), [...new Set(faults.map(({ fix }) => fix))].join(" "));
  }
  const webhook = secrets.lapse_alert_webhook_url === "ok" ? "" : "; there is no webhook for alerts";
  const ping = secrets.lapse_ping_url === "ok" ? "" : "; there is no dead man's switch";
  return ok("vault", `URL and secret of the functions are there${webhook}${ping}`);
}

function judgeSchedules(problems: string[], paused: string[]): Finding {
  if (paused.length > 0) {
    return fault("schedules", `paused: ${paused.join(", ")}`, "npm run lapse -- enable");
  }
  const others = problems.filter((problem) => / for (another )?role /.test(problem));
  if (others.length > 0 && others.length === problems.length) {
    // Only their owner may take them away.
    const fix = "select jobid, username from cron.job where jobname like 'lapse-%'; " +
      "then, as that role: select cron.unschedule(jobid);";
    return fault("schedules", listed(problems), fix);
  }
  if (problems.length > 0) return fault("schedules", listed(problems), "select lapse.install_schedules();");
  return ok("schedules", "pg_cron has exactly the jobs of lapse.schedules");
}

function judgeWatch(reasons: string[], { state, now }: Inspection): Finding {
  const watchedAt = state.value?.watchedAt;
  const ago = watchedAt ? `${span(Date.parse(now) - Date.parse(watchedAt))} ago` : "never";
  if (!reasons.includes("watch_silent")) return ok("watch", `last ran ${ago}`);
  const what = `last ran ${ago}: alerts cannot be trusted`;
  return fault("watch", what, "call lapse.watch(); and read cron.job_run_details");
}

/** Checks access in two ways: the grants, and requests without credentials. */
function judgePrivileges(excess: string[], strangers: { open: string[]; asked: boolean }): Finding {
  const open = [...excess, ...strangers.open];
  if (open.length > 0) {
    const fix = "select lapse.secure(); what remains after that (a policy, a search path) was changed manually";
    return fault("privileges", listed(open), fix);
  }
  const outside = strangers.asked
    ? "requests without credentials are refused"
    : "access without credentials was not tested: LAPSE_PUBLISHABLE_KEY is not set";
  return ok("privileges", `they are as lapse.secure() grants them; ${outside}`);
}

/** Which check covers a kind of alert. `alerts` shows all others. */
const KINDS: Record<string, CheckName> = {
  schedule_missing: "schedules",
  tick_failed: "schedules",
  no_success: "runs",
  failing: "runs",
  run_failed: "runs",
  dispatch_refused: "runs",
  overdue: "runs",
  backlog_growing: "runs",
  brake: "runs",
  list_unread: "runs",
  invariant: "invariants",
  adapter: "adapter",
  drift: "drift",
  privileges: "privileges",
};
const RUNBOOK = "lapse alerts says what to do about each; so does docs/payments-ops.md under its number";

type Condition = z.infer<typeof condition>;

function judgeConditions(check: CheckName, all: Condition[], fine: string): Finding {
  const problems = all.filter(({ kind }) => KINDS[kind] === check).map(inWords);
  return problems.length === 0 ? ok(check, fine) : fault(check, listed(problems), RUNBOOK);
}

/** The open alerts that no other check covers. */
function judgeAlerts(all: Condition[], open: AlertRow[]): Finding {
  const found = all.filter(({ kind }) => !(kind in KINDS));
  const raised = open.filter(({ key }) => {
    const kind = key.split(":")[0]!;
    return !(kind in KINDS) && !found.some((it) => it.kind === kind);
  });
  const problems = [...found.map(inWords), ...raised.map((it) => `#${it.id} ${it.code ?? ""} ${it.message}`)];
  return problems.length === 0 ? ok("alerts", "none is open") : fault("alerts", listed(problems), RUNBOOK);
}

function inWords({ code, message }: Condition): string {
  return `${code} ${message}`;
}
