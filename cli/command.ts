import { parseArgs } from "node:util";
import { z } from "zod";
import { UsageError } from "./errors.ts";
import type { Project } from "./project.ts";

/** An option of a command. `value` names the value it takes; a switch has none. */
export type Option = { help: string; value?: string };

/** What a command may use from outside. */
export type Context = {
  connect(): Promise<Project>;
  /** Shows progress on standard error. */
  progress(text: string): void;
  /** Whether the caller wants one JSON value and nothing else. */
  asJson?: boolean;
};

/** The result of a command. If `well` is false, the exit code is 1. `text` null: the command has printed everything itself. */
export type Outcome = { well: boolean; json: unknown; text: string | null };

export type Command = {
  /** One word, or two: `run expire`. */
  name: string;
  /** The name of its only argument, for example REF; in brackets if it is optional. */
  argument?: string;
  summary: string;
  options: Record<string, Option>;
  run(args: string[], context: Context): Promise<Outcome>;
};

type Definition<S extends z.ZodType> = Omit<Command, "run"> & {
  /** Parses `{ argument, ...options }`; options are named as on the command line. */
  input: S;
  run(input: z.infer<S>, context: Context): Promise<Outcome>;
};

/** The usage line of a command. */
export function usageOf({ name, argument }: Pick<Command, "name" | "argument">): string {
  return `Usage: npm run --silent lapse -- ${name}${argument ? ` ${argument}` : ""} [options]`;
}

/** Defines a command whose arguments are parsed before it does anything. */
export function defineCommand<S extends z.ZodType>(definition: Definition<S>): Command {
  const { input, run, ...rest } = definition;
  return { ...rest, run: async (args, context) => await run(readInput(args, { command: rest, input }), context) };
}

const COMMON = { json: { type: "boolean" }, help: { type: "boolean" } } as const;

function readInput<S extends z.ZodType>(
  args: string[],
  { command, input }: { command: Omit<Command, "run">; input: S },
): z.infer<S> {
  const { name, argument, options } = command;
  const own = Object.fromEntries(
    Object.entries(options).map(([option, { value }]) => [option, { type: value ? "string" : "boolean" } as const]),
  );
  const known: Record<string, { type: "string" | "boolean" }> = { ...own, ...COMMON };
  const { values, positionals, tokens } = parseArgs({
    args,
    options: known,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const type = Object.hasOwn(known, token.name) ? known[token.name]!.type : null;
    if (type === null) {
      const all = Object.keys(known).map((option) => `--${option}`).join(", ");
      throw new UsageError(`Cannot use ${token.rawName}: the options of ${name} are ${all}`);
    }
    if (type === "string" && token.value === undefined) {
      throw new UsageError(`Cannot use ${token.rawName}: it needs ${options[token.name]!.value} after it`);
    }
    if (type === "boolean" && token.value !== undefined) {
      throw new UsageError(`Cannot use ${token.rawName}=${token.value}: ${token.rawName} takes no value`);
    }
  }
  const surplus = positionals[argument ? 1 : 0];
  if (surplus !== undefined) {
    throw new UsageError(
      `Cannot use ${surplus}: ${name} takes ${argument ? `one argument, ${argument}` : "no argument"}`,
    );
  }
  if (argument && !argument.startsWith("[") && positionals[0] === undefined) {
    throw new UsageError(`Cannot run ${name}: ${argument} is missing\n${usageOf(command)}`);
  }

  const { json: _json, help: _help, ...given } = values;
  const parsed = input.safeParse({ ...given, ...(argument ? { argument: positionals[0] } : {}) });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = String(issue?.path[0] ?? "");
  if (field !== "argument" && given[field] === undefined) {
    throw new UsageError(
      `Cannot run ${name}: --${field} ${options[field]?.value ?? ""} is missing\n${usageOf(command)}`,
    );
  }
  const [what, value] = field === "argument"
    ? [argument?.replaceAll(/[[\]]/g, ""), positionals[0]]
    : [`--${field}`, given[field]];
  throw new UsageError(`Cannot use ${`${what} ${value}`.trim()}: ${issue?.message}`);
}

/** A typed whole number. */
export function typedInteger(low: number, high: number) {
  const said = `it is not a whole number from ${low} to ${high}`;
  return z.string().regex(/^\d{1,15}$/, said).transform(Number).pipe(z.int(said).min(low, said).max(high, said));
}

export const typedText = z.string().trim().min(1, "it is empty").max(500, "it is longer than 500 characters");
/** The shop's own key of an order, of any type. */
export const orderRef = z.string().min(1, "it is empty").max(500, "it is longer than 500 characters");
export const stripeId = z.string()
  .regex(/^(pi|cs)_[A-Za-z0-9_]+$/, "it is not the id of a PaymentIntent (pi_…) or Checkout Session (cs_…)")
  .refine((id) => !id.includes("_secret_"), "it is a client secret. The id is the part before _secret_");
