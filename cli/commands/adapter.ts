import { createInterface } from "node:readline/promises";
import process from "node:process";
import { z } from "zod";
import { readCatalogue } from "../adapter/catalogue.ts";
import { parseTable, tableName } from "../adapter/names.ts";
import { type Answers, askRest, missing, QUESTIONS, withUsual } from "../adapter/questions.ts";
import { renderAdapter } from "../adapter/render.ts";
import { reviveProblem } from "../adapter/render-revive.ts";
import { describeShop, tablesOf } from "../adapter/describe.ts";
import { type Context, defineCommand, type Option, type Outcome } from "../command.ts";
import { UsageError } from "../errors.ts";
import { quoted } from "../output.ts";

const typed = z.string().trim().min(1, "it is empty");

/** The options that describe a shop, for the commands that generate its adapter. */
export const shopOptions: Record<string, Option> = {
  ...Object.fromEntries(QUESTIONS.map(({ name, value, help, usual }) => [
    name,
    { value, help: usual === undefined ? help : `${help} (${usual})` },
  ])),
  revive: {
    help: "also writes revive_order, which reserves the stock of an expired order again when money arrives late",
  },
};

export const shopInput = {
  revive: z.boolean().default(false),
  ...Object.fromEntries(QUESTIONS.map(({ name }) => [name, typed.optional()])),
};

/** Reads the shop's database to check the names; nothing is written to it. */
export const databaseOption = {
  "db-url": { value: "URL", help: "the shop's database (LAPSE_DB_URL); it is only read" },
};
export const databaseInput = {
  "db-url": typed.optional().transform((url) => url ?? (process.env.LAPSE_DB_URL?.trim() || undefined)),
};

export const adapter = defineCommand({
  name: "adapter",
  summary: "Writes the shop's adapter as SQL to review and commit. Changes nothing",
  options: { ...databaseOption, ...shopOptions },
  input: z.strictObject({ ...databaseInput, ...shopInput }),
  run: async ({ "db-url": url, revive, ...given }, context): Promise<Outcome> => {
    const { sql, lines, notes } = await writeAdapter(given as Answers, { url, revive }, context);
    return { well: true, json: { sql, lines, notes }, text: sql.trimEnd() };
  },
});

/** Asks for missing answers if there is a terminal; otherwise uses the defaults. */
async function complete(
  given: Answers,
  url: string | undefined,
  { progress }: Pick<Context, "progress">,
): Promise<Answers> {
  const hasDatabase = url !== undefined;
  if (missing(withUsual(given), { hasDatabase }).length === 0 || !process.stdin.isTTY) return withUsual(given);
  // Standard output has only the adapter, so that it can be redirected to a file.
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const show = async (name: string) => {
      if (url === undefined) return true;
      const table = parseTable(name);
      const facts = (await readCatalogue(url, { tables: [table], orders: table, status: "" })).table(table);
      const columns = facts?.columns.map((it) =>
        `${it.name} ${it.type}${it.labels ? ` (${it.labels.join(", ")})` : ""}`
      );
      progress(columns ? `  It has ${columns.join(", ")}` : `  There is no table ${tableName(table)}`);
      return columns !== undefined;
    };
    return withUsual(await askRest(given, { hasDatabase, ask: (text) => terminal.question(text), show }));
  } finally {
    terminal.close();
  }
}

/**
 * Generates the adapter of a shop. Missing answers are asked for if there is a terminal.
 *
 * @throws UsageError with everything that is missing or wrong.
 */
export async function writeAdapter(
  given: Answers,
  { url, revive }: { url: string | undefined; revive: boolean },
  { progress }: Pick<Context, "progress">,
): Promise<{ sql: string; lines: number; notes: string[] }> {
  const answers = await complete(given, url, { progress });
  const gone = missing(answers, { hasDatabase: url !== undefined });
  if (gone.length > 0) {
    const names = gone.map(({ name, value }) => `--${name} ${value}`).join(", ");
    throw new UsageError(`Cannot write the adapter: ${names} ${gone.length === 1 ? "is" : "are"} missing`);
  }
  const catalogue = url === undefined ? null : await readCatalogue(url, {
    tables: tablesOf(answers),
    orders: parseTable(answers.orders!),
    status: answers.status!,
  });
  const { shop, notes } = describeShop(answers, catalogue);
  if (catalogue === null) {
    notes.push("No name was checked: give --db-url or LAPSE_DB_URL to compare them with the database");
  }
  if (shop.stock.kind === "other") {
    notes.push("finish_orders has a GAP that raises an error: write the part that releases stock");
  }
  const refused = revive ? reviveProblem(shop) : null;
  if (refused !== null) throw new UsageError(`Cannot write revive_order: it does not cover ${refused}`);

  const asked = QUESTIONS.filter(({ name }) => answers[name] !== undefined)
    .map(({ name }) => [name, answers[name]!] as const)
    // On one line, because it is part of a comment.
    .map(([name, value]) => `--${name} ${quoted(value.replace(/\s+/g, " "))}`);
  const sql = renderAdapter(shop, { asked: revive ? [...asked, "--revive"] : asked, revive });
  for (const note of notes) progress(`Note: ${note}`);
  const lines = sql.split("\n").filter((line) => line.trim() !== "" && !line.trim().startsWith("--")).length;
  return { sql, lines, notes };
}
