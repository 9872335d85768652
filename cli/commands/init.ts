import { readFileSync } from "node:fs";
import process from "node:process";
import { z } from "zod";
import type { Answers } from "../adapter/questions.ts";
import { type Context, defineCommand } from "../command.ts";
import { RefusedError, UsageError } from "../errors.ts";
import { carryOut, confirms, writeInput, writeOptions } from "../install/carry-out.ts";
import { type Installed, lookAtDatabase } from "../install/database.ts";
import { planInit } from "../install/plan.ts";
import { readRelease } from "../install/release.ts";
import { adapterOf, openRepository, type Repository } from "../install/repository.ts";
import { deploy, PUSH, setSecret } from "../supabase.ts";
import { databaseInput, databaseOption, shopInput, shopOptions, writeAdapter } from "./adapter.ts";

export const init = defineCommand({
  name: "init",
  summary: "Installs Lapse into a shop's repository: a migration, the functions, their configuration, the adapter",
  options: {
    ...writeOptions,
    ...databaseOption,
    adapter: {
      value: "FILE",
      help: "an adapter that exists already, as SQL; else the options below describe the shop",
    },
    ...shopOptions,
  },
  input: z.strictObject({
    ...writeInput,
    ...databaseInput,
    adapter: z.string().trim().min(1, "it is empty").optional(),
    ...shopInput,
  }),
  run: async ({ project, "dry-run": dryRun, yes, "db-url": url, adapter: file, revive, ...given }, context) => {
    const release = readRelease();
    const repository = openRepository(project);
    const found = url === undefined ? null : await lookAtDatabase(url);
    if (found) refuseClashes(found, repository);
    const adapter = adapterOf(repository) !== null
      ? null
      : file === undefined
      ? await adapterFor(given as Answers, { url, revive, mayAsk: !yes && !dryRun }, context)
      : readAdapter(file);
    const plan = planInit({ repository, release, applied: found?.applied ?? [], now: new Date() }, { adapter });
    plan.notes.push(...notesOn(found, repository));
    const hasAdapter = adapter !== null || adapterOf(repository) !== null;
    const next = nextSteps(Object.keys(release.functions), hasAdapter);
    return await carryOut(
      plan,
      { root: repository.root, title: "install Lapse", "dry-run": dryRun, yes, next },
      context,
    );
  },
});

/** Generates the adapter; null if no option describes the shop. */
async function adapterFor(
  given: Answers,
  { mayAsk, ...options }: { url: string | undefined; revive: boolean; mayAsk: boolean },
  context: Context,
): Promise<string | null> {
  if (Object.values(given).every((answer) => answer === undefined)) {
    if (!mayAsk || !process.stdin.isTTY) return null;
    if (!await confirms("Lapse needs an adapter to your tables. Describe them now?")) return null;
  }
  return (await writeAdapter(given, options, context)).sql;
}

function readAdapter(file: string): string {
  let sql: string;
  try {
    sql = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`Cannot use --adapter ${file}: ${(error as Error).message}`);
  }
  if (/\blapse_shop\.contract_version\b/i.test(sql)) return sql;
  throw new UsageError(`Cannot use --adapter ${file}: it does not define lapse_shop.contract_version()`);
}

/** @throws RefusedError if a name that Lapse needs is taken. */
function refuseClashes({ clashes, version }: Installed, { lock }: Repository): void {
  if (lock !== null) return;
  if (version !== null) {
    throw new RefusedError(
      `Cannot install Lapse: the database has release ${version} already, and this repository has no supabase/lapse.json. ` +
        "Restore that file from the repository's history",
    );
  }
  if (clashes.length > 0) {
    throw new RefusedError(`Cannot install Lapse: the database has these names already: ${clashes.join(", ")}`);
  }
}

function notesOn(found: Installed | null, { migrations }: Repository): string[] {
  if (found === null) {
    return ["No database was checked: give --db-url or LAPSE_DB_URL to find clashes before db push does"];
  }
  const versions = migrations.map(({ version }) => version);
  const unknown = found.applied.filter((version) => !versions.includes(version));
  return unknown.length === 0 ? [] : [
    `The database has migrations whose files are not here (${unknown.slice(0, 3).join(", ")}), so db push refuses. ` +
    "Fetch them (npx supabase migration fetch); do not mark them as reverted",
  ];
}

function nextSteps(functions: string[], hasAdapter: boolean): string {
  const steps = [
    ["Review what was written, and commit it."],
    ...(hasAdapter ? [] : [[
      "Lapse is installed paused until it has an adapter. Write yours (docs/adapter.md):",
      "npx lapse init --orders TABLE --key COLUMN … (lapse adapter --help names all options)",
    ]]),
    [
      "Give the functions their secrets. Keep the scheduler's in your secret store.",
      "export LAPSE_SCHEDULER_SECRET=$(openssl rand -hex 32)",
      setSecret("STRIPE_SECRET_KEY=KEY LAPSE_SCHEDULER_SECRET=$LAPSE_SCHEDULER_SECRET"),
    ],
    ["Deploy to the linked project (npx supabase link).", PUSH, deploy(...functions)],
    [
      "Turn it on, with the brake on, and run the doctor.",
      "export LAPSE_URL=https://REF.supabase.co LAPSE_SECRET_KEY=KEY",
      "npx lapse enable",
      "npx lapse doctor",
    ],
  ];
  return steps.map(([what, ...commands], n) => [`${n + 1}. ${what}`, ...commands.map((it) => `     ${it}`)].join("\n"))
    .join("\n");
}
