// The operator's command line: node local/run.mjs cli/main.ts <command> [argument] [options]

import { findSwallowed } from "../local/npm-options.ts";
import { commands } from "./commands.ts";
import type { Command, Context } from "./command.ts";
import { readTarget } from "./environment.ts";
import { describeError, UsageError } from "./errors.ts";
import { helpOf, overview } from "./help.ts";
import { openProject } from "./project.ts";

/** Runs one command and answers the exit code. Standard output gets the answer and nothing else. */
async function main(args: string[]): Promise<number> {
  const asJson = args.includes("--json");
  try {
    const [name, ...rest] = args;
    if (name === undefined || name === "--help" || name === "help") return print(overview(commands));
    const command = findCommand(name);
    if (rest.includes("--help")) return print(helpOf(command));
    checkNpm(command, rest);
    const { well, json, text } = await command.run(rest, createContext());
    print(asJson ? JSON.stringify(json) : text);
    return well ? 0 : 1;
  } catch (error) {
    const { exitCode, code, message } = describeError(error);
    if (asJson) print(JSON.stringify({ error: { code, message } }));
    else console.error(message);
    return exitCode;
  }
}

function findCommand(name: string): Command {
  const command = commands.find((it) => it.name === name);
  if (command) return command;
  throw new UsageError(`Cannot run ${name}: the commands are ${commands.map((it) => it.name).join(", ")}`);
}

/** A run without its `--dry-run` would be a real one. */
function checkNpm({ options }: Command, args: string[]): void {
  const found = findSwallowed([...Object.keys(options), "json"], { args, read: (name) => Deno.env.get(name) });
  if (found?.sure) throw new UsageError(found.message);
  if (found) console.error(found.message);
}

function createContext(): Context {
  const readVariable = (name: string) => Deno.env.get(name);
  return {
    readVariable,
    connect: () => openProject(readTarget(readVariable)),
    progress: (text) => console.error(text),
  };
}

function print(text: string): 0 {
  console.log(text);
  return 0;
}

// A client may keep timers or connections open; the answer is out.
Deno.exit(await main(Deno.args));
