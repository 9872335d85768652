import { z } from "zod";
import { defineCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { carryOut, writeInput, writeOptions } from "../install/carry-out.ts";
import { lookAtDatabase } from "../install/database.ts";
import { planUpdate } from "../install/plan.ts";
import { deltasBetween, readRelease } from "../install/release.ts";
import { openRepository } from "../install/repository.ts";
import { databaseInput, databaseOption } from "./adapter.ts";

export const update = defineCommand({
  name: "update",
  summary: "Brings an install in a repository to the release of this package; never touches the adapter",
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
      "     npx supabase db push",
      `     npx supabase functions deploy --use-api ${Object.keys(release.functions).join(" ")}`,
      "3. Let the doctor look.",
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
  summary: "Prints the SQL of an install, or what leads from one release to another, for those who apply it by hand",
  options: {
    from: { value: "RELEASE", help: "the release that the database has (none: all of it)" },
    to: { value: "RELEASE", help: "the release wanted (this package's)" },
  },
  input: z.strictObject({ from: z.string().optional(), to: z.string().optional() }),
  run: ({ from, to }) => {
    const release = readRelease();
    const target = to ?? release.version;
    if (from === undefined && target !== release.version) {
      throw new UsageError(`Cannot print an install of ${target}: this package is ${release.version}. Give --from`);
    }
    const parts = from === undefined ? [release.install] : deltasBetween(release, from, target).map((it) => it.sql);
    const text = parts.join("\n").trimEnd() || `-- Nothing leads from ${from} to ${target}: it is the same release.`;
    return Promise.resolve({ well: true, json: { from: from ?? null, to: target, sql: text }, text });
  },
});
