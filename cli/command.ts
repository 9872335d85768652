import { parseArgs } from "node:util";
import { z } from "zod";
import { UsageError } from "./errors.ts";
import type { Project } from "./project.ts";

/** An option of a command; `value` names what it takes, and is absent for a switch. */
export type Option = { help: string; value?: string };

/** What a command may use of the world. */
export type Context = {
  readVariable: (name: string) => string | undefined;
  connect(): Promise<Project>;
  /** Tells a person what goes on, on standard error. */
  progress(text: string): void;
};

/** What a command found. `well` false ends the program with 1. */
export type Outcome = { well: boolean; json: unknown; text: string };

export type Command = {
  name: string;
  /** Name of its one argument, for example ORDER. */
  argument?: string;
  summary: string;
  options: Record<string, Option>;
  run(args: string[], context: Context): Promise<Outcome>;
};

type Definition<S extends z.ZodType> = Omit<Command, "run"> & {
  /** Parses `{ argument, ...options }`; names of options as on the command line. */
  input: S;
  run(input: z.infer<S>, context: Context): Promise<Outcome>;
};

/** Makes a command whose arguments are parsed before it touches anything. */
export function defineCommand<S extends z.ZodType>(definition: Definition<S>): Command {
  const { input, run, ...rest } = definition;
  return { ...rest, run: async (args, context) => await run(readInput(args, { command: rest, input }), context) };
}

const COMMON = { json: { type: "boolean" }, help: { type: "boolean" } } as const;

function readInput<S extends z.ZodType>(
  args: string[],
  { command, input }: { command: Omit<Command, "run">; input: S },
): z.infer<S> {
  const known = Object.keys(command.options);
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { value }]) => [name, { type: value ? "string" : "boolean" } as const]),
  );
  const { values, positionals, tokens } = parseArgs({
    args,
    options: { ...options, ...COMMON },
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const option = options[token.name] ?? COMMON[token.name as keyof typeof COMMON];
    if (option === undefined) {
      throw new UsageError(
        `Cannot use ${token.rawName}: the options of ${command.name} are ${listOptions([...known, "json", "help"])}`,
      );
    }
    if (option.type === "string" && token.value === undefined) {
      throw new UsageError(`Cannot use ${token.rawName} without a value: current value is empty`);
    }
    if (option.type === "boolean" && token.value !== undefined) {
      throw new UsageError(`Cannot give ${token.rawName} a value: current value is ${token.value}`);
    }
  }
  const surplus = positionals[command.argument ? 1 : 0];
  if (surplus !== undefined) throw new UsageError(`Cannot use ${surplus} as an argument of ${command.name}`);

  const { json: _json, help: _help, ...own } = values;
  const parsed = input.safeParse({ ...own, ...(command.argument ? { argument: positionals[0] } : {}) });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = String(issue?.path[0] ?? "");
  if (field !== "argument" && own[field] === undefined) {
    throw new UsageError(`Cannot ${command.name} without --${field} ${command.options[field]?.value ?? ""}`.trimEnd());
  }
  const [name, value] = field === "argument" ? [command.argument, positionals[0]] : [`--${field}`, own[field]];
  throw new UsageError(`Cannot use ${name}: current value is ${value || "empty"} (${issue?.message})`);
}

function listOptions(names: string[]): string {
  return names.map((name) => `--${name}`).join(", ");
}

/** A number that was typed. */
export function typedInteger(low: number, high: number) {
  const number = z.int(`above ${high}`).min(low, `below ${low}`).max(high, `above ${high}`);
  return z.string().regex(/^\d+$/, "not a whole number").transform(Number).pipe(number);
}

export const typedText = z.string().trim().min(1, "nothing in it").max(500, "longer than 500 characters");
/** As PostgreSQL takes it, not only as RFC 9562 does: a shop's ids may be older, or made by hand. */
export const orderId = z.guid("not the id of an order");
export const stripeId = z.string().regex(
  /^(pi|cs)_[A-Za-z0-9_]+$/,
  "not the id of a PaymentIntent or Checkout Session",
);
export const accountId = z.string().regex(/^acct_[A-Za-z0-9]+$/, "not the id of a connected account");
