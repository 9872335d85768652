import { fault, type Finding, listed, notChecked, ok } from "./finding.ts";
import type { Inspection } from "./inspection.ts";

/** Migrations of this checkout against those the project has. Others may be there: a shop has migrations of its own. */
export function checkMigrations({ migrations }: Inspection, files: string[]): Finding {
  const applied = migrations.value;
  if (migrations.error !== null) return notChecked("migrations", migrations.error);
  if (applied === null) return notChecked("migrations", "the project keeps no history of migrations");
  const missing = files.filter((file) => !applied.includes(file.split("_")[0]!));
  if (missing.length === 0) return ok("migrations", `all ${files.length} are applied`);
  return fault("migrations", `not applied: ${listed(missing, 3)}`, "npx supabase db push --remote --yes");
}

export function checkSettings({ state }: Inspection): Finding {
  if (state.error !== null) return notChecked("settings", state.error);
  if (state.value.settings) return ok("settings", "there is a row");
  return fault("settings", "jobs.settings has no row: no run may start", "insert into jobs.settings default values;");
}

export function checkExtensions({ extensions, postgres }: Inspection): Finding {
  if (extensions.error !== null) return notChecked("extensions", extensions.error);
  const missing = extensions.value.filter(({ installed }) => installed === null);
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name);
    return fault(
      "extensions",
      `missing: ${names.join(", ")}`,
      names.map((name) => `create extension ${name};`).join(" "),
    );
  }
  const old = extensions.value.filter(({ installed, available }) => available !== null && installed !== available);
  if (old.length > 0) {
    const what = old.map(({ name, installed, available }) => `${name} is ${installed}, the server has ${available}`);
    return fault("extensions", what.join("; "), old.map(({ name }) => `alter extension ${name} update;`).join(" "));
  }
  const versions = extensions.value.map(({ name, installed }) => `${name} ${installed}`);
  return ok("extensions", `${versions.join(", ")}, PostgreSQL ${postgres}`);
}

const ENTRIES = {
  missing: ["is missing", "select vault.create_secret('…', '{name}');"],
  not_https: ["is not https", "{set}"],
  elsewhere: ["points to another project", "{set}"],
  short: ["is shorter than 32 characters", "set a new one in Vault and as the functions' JOBS_SCHEDULER_SECRET"],
  differs: ["is not the JOBS_SCHEDULER_SECRET of this environment", "give Vault and the functions the same one"],
} as const;

/** Whether the schedule can read what it needs. Values never leave the database. */
export function checkVault({ secrets }: Inspection, functionsUrl: string): Finding {
  if (secrets.error !== null) return notChecked("vault", secrets.error);
  const faults = Object.entries(secrets.value).flatMap(([name, state]) => {
    // A shop may do without a webhook.
    if (state === "ok" || (state === "missing" && name === "jobs_alert_webhook_url")) return [];
    const [what, mend] = ENTRIES[state];
    const set = name === "jobs_functions_url"
      ? `select jobs.set_functions_url('${functionsUrl}');`
      : "select jobs.set_alert_webhook('https://…');";
    return [{ what: `${name} ${what}`, mend: mend.replace("{name}", name).replace("{set}", set) }];
  });
  if (faults.length > 0) {
    return fault("vault", listed(faults.map(({ what }) => what)), faults.map(({ mend }) => mend).join(" "));
  }
  const webhook = secrets.value.jobs_alert_webhook_url === "ok" ? "" : "; no webhook for alerts";
  return ok("vault", `URL and secret of the functions are there${webhook}`);
}

/** From the inside by the grants, from the outside by asking as a stranger. */
export function checkPrivileges({ privileges }: Inspection, strangers: { open: string[]; asked: boolean }): Finding {
  if (privileges.error !== null) return notChecked("privileges", privileges.error);
  const open = [...privileges.value, ...strangers.open];
  if (open.length > 0) {
    return fault(
      "privileges",
      listed(open),
      "grant or revoke as the migrations do; tests/database/privileges lists them",
    );
  }
  const outside = strangers.asked
    ? "a stranger is refused"
    : "a stranger was not tried: LAPSE_PUBLISHABLE_KEY is not set";
  return ok("privileges", `grants and policies are as the migrations made them; ${outside}`);
}
