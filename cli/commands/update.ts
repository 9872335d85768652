import { z } from "zod";
import { defineCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { carryOut, writeInput, writeOptions } from "../install/carry-out.ts";
import { lookAtDatabase } from "../install/database.ts";
import { planUpdate } from "../install/plan.ts";
import { deltasBetween, readRelease } from "../install/release.ts";
import { openRepository } from "../install/repository.ts";
import { deploy, PUSH } from "../supabase.ts";
import { databaseInput, databaseOption } from "./adapter.ts";

export const update = defineCommand({
  name: "update",
  summary: "Updates an install in a repository to this package's release; never touches the adapter",
  options: {
    ...writeOptions,
    ...databaseOption,
    force: { help: "also replaces functions that were edited here" },
  },
  input: z.strictObject({ ...writeInput, ...databaseInput, force: z.boolean().default(false) }),
  run: async ({ project, "dry-run": dryRun, yes, "db-url": url, force }, context) => {
    const release = readRelease();
    const repository = openRepository(project);
    const applied = url === undefined ? [] : (await lookAtDatabase(url)).applied;
    const plan = planUpdate({ repository, release, applied, now: new Date(), force });
    const next = [
      "1. Review what was written, and commit it.",
      "2. Deploy. Functions and database work together in either order.",
      `     ${PUSH}`,
      `     ${deploy(...Object.keys(release.functions))}`,
      "3. Run the doctor.",
      "     npx lapse doctor",
    ].join("\n");
    return await carryOut(
      plan,
      { root: repository.root, title: "update Lapse", "dry-run": dryRun, yes, next },
      context,
    );
  },
});

export const sql = defineCommand({
  name: "sql",
  summary: "Prints the SQL of an install, or of an update between two releases, to apply by hand",
  options: {
    from: { value: "RELEASE", help: "the release that the database has (none: all of it)" },
    to: { value: "RELEASE", help: "the target release (this package's)" },
  },
  input: z.strictObject({ from: z.string().optional(), to: z.string().optional() }),
  run: ({ from, to }) => {
    const release = readRelease();
    const target = to ?? release.version;
    if (from === undefined && target !== release.version) {
      throw new UsageError(`Cannot print an install of ${target}: this package is ${release.version}. Give --from`);
    }
    const parts = from === undefined ? [release.install] : deltasBetween(release, from, target).map((it) => it.sql);
    const text = parts.join("\n").trimEnd() || `-- Nothing to do: ${target} is the same release as ${from}.`;
    return Promise.resolve({ well: true, json: { from: from ?? null, to: target, sql: text }, text });
  },
});
