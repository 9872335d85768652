import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { finished } from "node:stream/promises";
import { z } from "zod";
import { type Context, defineCommand } from "../command.ts";
import { carryOut, writeInput, writeOptions } from "../install/carry-out.ts";
import { lookAtDatabase } from "../install/database.ts";
import { planUninstall } from "../install/plan.ts";
import { readRelease } from "../install/release.ts";
import { openRepository } from "../install/repository.ts";
import { counted } from "../output.ts";
import { PUSH } from "../supabase.ts";
import { databaseInput, databaseOption } from "./adapter.ts";

const PAGE = 1_000;

export const uninstall = defineCommand({
  name: "uninstall",
  summary: "Removes Lapse from a repository and, by the migration it writes, from the database",
  options: {
    ...writeOptions,
    ...databaseOption,
    force: { help: "also removes functions that were edited here" },
    export: {
      value: "FILE",
      help: "first writes every decision of the project into this file, one JSON object a line",
    },
  },
  input: z.strictObject({
    ...writeInput,
    ...databaseInput,
    force: z.boolean().default(false),
    export: z.string().trim().min(1, "it is empty").optional(),
  }),
  run: async ({ project, "dry-run": dryRun, yes, "db-url": url, force, export: file }, context) => {
    const release = readRelease();
    const repository = openRepository(project);
    const applied = url === undefined ? [] : (await lookAtDatabase(url)).applied;
    const plan = planUninstall({ repository, release, applied, now: new Date(), force });
    if (file === undefined) {
      plan.notes.push(
        "Removing the schema deletes every decision; --export FILE saves them first (it needs LAPSE_URL and a key)",
      );
    } else if (!dryRun && plan.refused.length === 0) {
      context.progress(`${counted(await exportDecisions(file, context), "decision")} written into ${file}`);
    }
    const functions = Object.keys(repository.lock?.functions ?? {});
    const next = [
      "1. Review what was written, and commit it.",
      "2. Stop the jobs, and wait two minutes: the migration refuses while a run works.",
      "     npx lapse disable",
      "3. Remove it from the project. Your adapter's migration stays: it was applied.",
      `     ${PUSH}`,
      ...functions.map((slug) => `     npx supabase functions delete ${slug}`),
      "     npx supabase secrets unset --yes LAPSE_SCHEDULER_SECRET",
      "4. In Stripe's dashboard, remove the endpoint of lapse-webhook. STRIPE_SECRET_KEY stays: it is yours.",
    ].join("\n");
    return await carryOut(
      plan,
      { root: repository.root, title: "uninstall Lapse", "dry-run": dryRun, yes, next },
      context,
    );
  },
});

const decision = z.looseObject({ id: z.int() });

async function exportDecisions(file: string, context: Context): Promise<number> {
  const { client, rows } = await context.connect();
  const out = createWriteStream(file);
  let written = 0;
  for (let after = -1;;) {
    const page = await rows(
      client.from("lapse_decisions").select("*").gt("id", after).order("id").limit(PAGE),
      decision,
    );
    for (const row of page) if (!out.write(JSON.stringify(row) + "\n")) await once(out, "drain");
    written += page.length;
    if (page.length === 0) break;
    after = page.at(-1)!.id;
  }
  out.end();
  await finished(out);
  return written;
}
