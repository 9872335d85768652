import type { Command, Option } from "./command.ts";
import { columns } from "./output.ts";

const COMMON: Record<string, Option> = {
  json: { help: "print exactly one JSON value" },
  help: { help: "say this" },
};

const ENVIRONMENT = `Environment
  LAPSE_URL                    the project; not set: the local stack that runs now (npm run stack)
  LAPSE_SECRET_KEY             a secret key of the project
  LAPSE_EMAIL, LAPSE_PASSWORD, LAPSE_PUBLISHABLE_KEY
                               or a user: viewers read, operators also start runs; the rest needs the key
  LAPSE_ACTOR                  who is written down for sync, redrive, declare-dead and alerts, beside a key; default: the machine's
                               user. A run started with a key is written down under the key's name
  LAPSE_PUBLISHABLE_KEY, JOBS_SCHEDULER_SECRET, STRIPE_SECRET_KEY, STRIPE_API_BASE
                               what the doctor also needs on a hosted project; without one it leaves checks out

Exit codes
  0  all is well
  1  it is not: a run failed, braked, got lost or was skipped; alerts are open; the doctor found faults; the order is
     unknown or not in a state for this
  2  wrong usage
  3  the project cannot be reached, or these credentials are not allowed`;

/** What `--help` says without a command. */
export function overview(commands: Command[]): string {
  const rows = commands.map((
    { name, argument, summary },
  ) => [`  jobs:${name}${argument ? ` ${argument}` : ""}`, summary]);
  return ["Usage: npm run --silent jobs:<command> -- [options]", "", columns(rows), "", ENVIRONMENT].join("\n");
}

/** What `--help` says of one command. */
export function helpOf({ name, argument, summary, options }: Command): string {
  const rows = Object.entries({ ...options, ...COMMON }).map(([option, { value, help }]) => [
    `  --${option}${value ? ` ${value}` : ""}`,
    help,
  ]);
  const usage = `Usage: npm run --silent jobs:${name} --${argument ? ` ${argument}` : ""} [options]`;
  return [usage, "", summary, "", "Options", columns(rows), "", ENVIRONMENT].join("\n");
}
