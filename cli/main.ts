// The operator's command: npm run lapse -- COMMAND [ARGUMENT] [OPTIONS]

import process from "node:process";
import { findSwallowed } from "../local/npm-options.ts";
import type { Command, Context, Option } from "./command.ts";
import { declareDead, redrive, resolve, sync } from "./commands/acting.ts";
import { adapter } from "./commands/adapter.ts";
import { alerts } from "./commands/alerts.ts";
import { doctor } from "./commands/doctor.ts";
import { disable, enable } from "./commands/enable.ts";
import { init } from "./commands/init.ts";
import { metrics } from "./commands/metrics.ts";
import { order, orders } from "./commands/orders.ts";
import { runs, startingCommands } from "./commands/run.ts";
import { status } from "./commands/status.ts";
import { uninstall } from "./commands/uninstall.ts";
import { sql, update } from "./commands/update.ts";
import { describeError, UsageError } from "./errors.ts";
import { columns } from "./output.ts";
import { openProject } from "./project.ts";
import { isPackaged } from "./install/release.ts";
import { readTarget } from "./target.ts";

/** In the order in which an operator needs them. */
export const commands: Command[] = [
  status,
  alerts,
  metrics,
  runs,
  orders,
  order,
  ...startingCommands,
  sync,
  redrive,
  declareDead,
  resolve,
  doctor,
  adapter,
  enable,
  disable,
  init,
  update,
  uninstall,
  sql,
];

/** Runs one command and answers the exit code. Standard output gets the answer and nothing else. */
export async function main(args: string[]): Promise<number> {
  const asJson = args.includes("--json");
  try {
    if (args.length === 0 || args[0] === "--help" || args[0] === "help") return print(overview());
    const { command, rest } = findCommand(args);
    if (rest.includes("--help")) return print(helpOf(command));
    checkNpm(command, rest);
    const { well, json, text } = await command.run(rest, createContext());
    print(asJson ? JSON.stringify(json) : text);
    return well ? 0 : 1;
  } catch (error) {
    const { exitCode, code, message } = describeError(error);
    if (asJson) print(JSON.stringify({ error: { code, message } }));
    else console.error(asTyped(message));
    return exitCode;
  }
}

/** A command has one word, or two as `run expire`. */
function findCommand(args: string[]): { command: Command; rest: string[] } {
  for (const words of [2, 1]) {
    const command = commands.find(({ name }) => name === args.slice(0, words).join(" "));
    if (command) return { command, rest: args.slice(words) };
  }
  throw new UsageError(`Cannot run ${args[0]}: the commands are ${commands.map(({ name }) => name).join(", ")}`);
}

/** npm keeps options that come without `--` before them, and a run without its `--dry-run` would be a real one. */
function checkNpm({ name, options }: Command, args: string[]): void {
  const read = (variable: string) => process.env[variable];
  // npx passes on what stands after the command's name; an --yes before it is meant for npx.
  if (read("npm_lifecycle_event") === "npx") return;
  // The scripts jobs:run:expire and jobs:run:cleanup bring the command's words along, `npm run lapse` does not.
  const typed = read("npm_lifecycle_event") === "lapse" ? [...name.split(" "), ...args] : [];
  const found = findSwallowed([...Object.keys(options), "json"], { args, typed, read });
  if (found?.sure) throw new UsageError(found.message);
  if (found) console.error(found.message);
}

function createContext(): Context {
  return {
    connect: () => openProject(readTarget((name) => process.env[name])),
    progress: (text) => console.error(asTyped(text)),
  };
}

const COMMON: Record<string, Option> = {
  json: { help: "print exactly one JSON value" },
  help: { help: "print this" },
};

const ENVIRONMENT = `Environment
  LAPSE_URL                    the project; not set: the local stack that is running (npm run stack)
  LAPSE_SECRET_KEY             a secret key of the project
  LAPSE_EMAIL, LAPSE_PASSWORD, LAPSE_PUBLISHABLE_KEY
                               or a user: viewers read, operators also start runs; everything else needs the key
  LAPSE_ACTOR                  who is recorded beside a key for sync, redrive, declare-dead, resolve and alerts; default: the
                               machine's user. A run started with a key is recorded under the key's name
  LAPSE_DB_URL                 the shop's database, which adapter reads instead of the project
  LAPSE_PUBLISHABLE_KEY, LAPSE_SCHEDULER_SECRET, STRIPE_SECRET_KEY, STRIPE_API_BASE
                               what the doctor needs besides on a hosted project; without one it skips checks

Exit codes
  0  all is well
  1  it is not: a run failed, was braked, skipped or lost; alerts are open; the doctor found faults; the order is unknown
     or not in a state for this
  2  wrong usage
  3  the project cannot be reached, or these credentials are not allowed`;

function overview(): string {
  const rows = commands.map(({ name, argument, summary }) => [`  ${name}${argument ? ` ${argument}` : ""}`, summary]);
  return ["Usage: npm run --silent lapse -- COMMAND [OPTIONS]", "", columns(rows), "", ENVIRONMENT].join("\n");
}

function helpOf({ name, argument, summary, options }: Command): string {
  const rows = Object.entries({ ...options, ...COMMON }).map(([option, { value, help }]) => [
    `  --${option}${value ? ` ${value}` : ""}`,
    help,
  ]);
  const usage = `Usage: npm run --silent lapse -- ${name}${argument ? ` ${argument}` : ""} [options]`;
  return [usage, "", summary, "", "Options", columns(rows), "", ENVIRONMENT].join("\n");
}

function print(text: string): 0 {
  console.log(asTyped(text));
  return 0;
}

/** Every text names the command as it is typed in the repository; who has installed the package types it otherwise. */
function asTyped(text: string): string {
  return isPackaged ? text.replaceAll(/npm run (?:--silent )?lapse -- /g, "npx lapse ") : text;
}

if (import.meta.main) {
  // A client may keep timers or connections open; the answer is out.
  process.exit(await main(process.argv.slice(2)));
}
