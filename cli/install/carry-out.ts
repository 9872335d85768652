import { once } from "node:events";
import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { z } from "zod";
import type { Context, Outcome } from "../command.ts";
import { RefusedError, UsageError } from "../errors.ts";
import { columns, indent } from "../output.ts";
import type { Change, Plan } from "./plan.ts";

/** The options of every command that writes to the repository. */
export const writeOptions = {
  project: { value: "DIR", help: "the shop's repository (this folder, or the nearest one above it with supabase/)" },
  "dry-run": { help: "print the plan and write nothing" },
  yes: { help: "do not ask" },
};
export const writeInput = {
  project: z.string().trim().min(1, "it is empty").default("."),
  "dry-run": z.boolean().default(false),
  yes: z.boolean().default(false),
};

type Options = { root: string; title: string; "dry-run": boolean; yes: boolean; next: string };

/**
 * Shows a plan, asks for confirmation, and carries it out.
 *
 * @throws RefusedError with all obstacles. Nothing has been written then.
 */
export async function carryOut(
  plan: Plan,
  options: Options,
  { progress }: Pick<Context, "progress">,
): Promise<Outcome> {
  const { root, title, "dry-run": dryRun, yes, next } = options;
  const { changes, refused, notes } = plan;
  if (refused.length > 0) {
    throw new RefusedError([`Cannot ${title}:`, ...refused.map((it) => `  ${it}`), "Nothing was written"].join("\n"));
  }
  const present = changes.filter(({ path, text }) => text !== null || existsSync(join(root, path)));
  const told = present.map((it) => ({ path: it.path, does: verbOf(root, it), note: it.note }));
  const json = (written: boolean) => ({ written, changes: told, notes });
  const remarks = notes.map((note) => `Note: ${note}`);
  if (present.length === 0) {
    return { well: true, json: json(false), text: ["Nothing has to be changed", ...remarks].join("\n") };
  }

  const plain = [
    `Plan, in ${root}`,
    indent(columns(linesOf(root, present))),
    ...remarks,
  ].join("\n");
  if (dryRun) return { well: true, json: json(false), text: `${plain}\n\nA dry run: nothing was written` };
  if (!yes) {
    progress(plain);
    if (!await confirms("Write this?")) return { well: false, json: json(false), text: "Nothing was written" };
  }
  for (const change of present) write(root, change);
  return { well: true, json: json(true), text: [...yes ? [plain, ""] : [], "Written. Next", "", next].join("\n") };
}

/** One line per change. All files of a function share one line. */
function linesOf(root: string, changes: Change[]): string[][] {
  const lines = changes.map((it) => {
    const [folder] = it.path.match(/^supabase\/functions\/[^/]+\//) ?? [];
    return [verbOf(root, it), folder ?? it.path, it.note];
  });
  return lines.filter((line, n) => n === 0 || line[1] !== lines[n - 1]![1]);
}

function verbOf(root: string, { path, text }: Pick<Change, "path" | "text">): string {
  if (text === null) return "remove";
  return existsSync(join(root, path)) ? "change" : "add";
}

/** @throws UsageError without a terminal. */
export async function confirms(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new UsageError("Cannot ask here: give --yes to write this, or --dry-run to only show it");
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // End of input (Ctrl+D) counts as "no".
    const closed = once(terminal, "close").then(() => "");
    return /^y(es)?$/i.test((await Promise.race([terminal.question(`${question} [y/N] `), closed])).trim());
  } finally {
    terminal.close();
  }
}

/** Writes a file atomically, so that an interrupted command leaves no partial file. */
function write(root: string, { path, text }: Change): void {
  const target = join(root, path);
  if (text === null) {
    rmSync(target);
    removeIfEmpty(dirname(target));
    return;
  }
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.writing`, text);
  renameSync(`${target}.writing`, target);
}

/** Removes a function's folder, unless it still has files that are not Lapse's. */
function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST"].includes((error as { code?: string }).code ?? "")) throw error;
  }
}
