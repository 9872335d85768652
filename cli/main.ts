// The operator's command: npm run lapse -- COMMAND [ARGUMENT] [OPTIONS]

import process from "node:process";
import { findSwallowed } from "../local/npm-options.ts";
import { type Command, type Context, type Option, usageOf } from "./command.ts";
import { declareDead, redrive, resolve, sync } from "./commands/acting.ts";
import { adapter } from "./commands/adapter.ts";
import { alerts } from "./commands/alerts.ts";
import { dashboard } from "./commands/dashboard.ts";
import { dev } from "./commands/dev.ts";
import { doctor } from "./commands/doctor.ts";
import { disable, enable } from "./commands/enable.ts";
import { init } from "./commands/init.ts";
import { metrics } from "./commands/metrics.ts";
import { order, orders } from "./commands/orders.ts";
import { overview } from "./commands/overview.ts";
import { refunds } from "./commands/refunds.ts";
import { startingCommands } from "./commands/run.ts";
import { runs } from "./commands/runs.ts";
import { status } from "./commands/status.ts";
import { uninstall } from "./commands/uninstall.ts";
import { sql, update } from "./commands/update.ts";
import { describeError, UsageError } from "./errors.ts";
import { columns, wrap } from "./output.ts";
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
  refunds,
  ...startingCommands,
  sync,
  redrive,
  declareDead,
  resolve,
  dashboard,
  doctor,
  adapter,
  enable,
  disable,
  dev,
  init,
  update,
  uninstall,
  sql,
];

/** Runs one command and returns the exit code. Standard output gets only the result. */
export async function main(args: string[]): Promise<number> {
  const asJson = args.includes("--json");
  try {
    if (args[0] === "--help" || args[0] === "help") return print(help());
    const { command, rest } = findCommand(args);
    if (rest.includes("--help")) return print(helpOf(command));
    checkNpm(command, rest);
    const { well, json, text } = await command.run(rest, createContext(asJson));
    if (text !== null) print(asJson ? JSON.stringify(json) : text);
    return well ? 0 : 1;
  } catch (error) {
    const { exitCode, code, message } = describeError(error);
    if (asJson) print(JSON.stringify({ error: { code, message } }));
    else console.error(asTyped(args.length === 0 && code === "usage" ? `${message}\n\n${help()}` : message));
    return exitCode;
  }
}

/**
 * Finds a command of one word, or of two such as `run expire`. Without any word it is the overview.
 *
 * @throws UsageError for an unknown command.
 */
export function findCommand(args: string[]): { command: Command; rest: string[] } {
  if (args[0] === undefined || args[0] === "--json") return { command: overview, rest: args };
  for (const words of [2, 1]) {
    const command = commands.find(({ name }) => name === args.slice(0, words).join(" "));
    if (command) return { command, rest: args.slice(words) };
  }
  throw new UsageError(
    wrap(`Cannot run ${args[0]}: the commands are ${commands.map(({ name }) => name).join(", ")}`).join("\n"),
  );
}

/** npm consumes options that come before `--`. Without its `--dry-run`, a dry run would become a real one. */
function checkNpm({ name, options }: Command, args: string[]): void {
  const read = (variable: string) => process.env[variable];
  // npx passes on what follows the command's name. An --yes before it is meant for npx.
  if (read("npm_lifecycle_event") === "npx") return;
  // The scripts jobs:run:expire and jobs:run:cleanup include the command's words; `npm run lapse` does not.
  const typed = read("npm_lifecycle_event") === "lapse" ? [...name.split(" "), ...args] : [];
  const found = findSwallowed([...Object.keys(options), "json"], { args, typed, read });
  if (found?.sure) throw new UsageError(found.message);
  if (found) console.error(found.message);
}

function createContext(asJson: boolean): Context {
  return {
    asJson,
    connect: () => openProject(readTarget((name) => process.env[name])),
    progress: (text) => console.error(asTyped(text)),
  };
}

const COMMON: Record<string, Option> = {
  json: { help: "print exactly one JSON value" },
  help: { help: "print this" },
};

const ENVIRONMENT = `Environment
  LAPSE_URL               the project; not set: the local stack that is running
  LAPSE_SECRET_KEY        a secret key of the project; or sign in as a user with
  LAPSE_EMAIL, LAPSE_PASSWORD, LAPSE_PUBLISHABLE_KEY
                          viewers read, operators also start runs
  LAPSE_ACTOR             who is recorded beside a key (the machine's user)
  LAPSE_DB_URL            the shop's database, for adapter, init, update and
                          uninstall
  LAPSE_PUBLISHABLE_KEY, LAPSE_SCHEDULER_SECRET, STRIPE_SECRET_KEY,
  STRIPE_API_BASE         for the doctor; it skips checks without them

Exit codes
  0  all is well
  1  something needs attention: a run failed, was braked, skipped or lost;
     alerts are open; the doctor found faults; the order is unknown, or its
     state does not allow this
  2  wrong usage
  3  the project cannot be reached, or these credentials are not allowed`;

function help(): string {
  const rows = commands.map(({ name, argument, summary }) => [`  ${name}${argument ? ` ${argument}` : ""}`, summary]);
  return [
    "Usage: npm run --silent lapse -- [COMMAND] [OPTIONS]",
    "Without a command: the project's state. COMMAND --help: its options.",
    "",
    columns(rows),
    "",
    ENVIRONMENT,
  ].join("\n");
}

function helpOf(command: Command): string {
  const rows = Object.entries({ ...command.options, ...COMMON }).map(([option, { value, help }]) => [
    `  --${option}${value ? ` ${value}` : ""}`,
    help,
  ]);
  const all = "Environment and exit codes: npm run --silent lapse -- --help";
  return [usageOf(command), "", ...wrap(command.summary), "", columns(rows), "", all].join("\n");
}

function print(text: string): 0 {
  console.log(asTyped(text));
  return 0;
}

/** All texts name the command as it is typed in the repository. The installed package is started differently. */
function asTyped(text: string): string {
  return isPackaged ? text.replaceAll(/npm run (?:--silent )?lapse -- /g, "npx lapse ") : text;
}

if (import.meta.main) {
  // Exits explicitly, because a client may keep timers or connections open after the result was printed.
  process.exit(await main(process.argv.slice(2)));
}
