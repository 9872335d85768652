import { z } from "zod";
import { invalidParameter } from "./errors.ts";
import type { FormValue } from "./form.ts";

/** A whole number, as sent in a form. */
export const integer = z.string().regex(/^-?\d+$/).transform(Number);
export const flag = z.enum(["true", "false"]).transform((text) => text === "true");
export const text = z.string().max(5000);
/** Up to 50 keys of 40 characters with values of 500 (docs.stripe.com/api/metadata). An empty value removes a key. */
export const metadata = z.union([
  z.literal("").transform(() => ({})),
  z.record(z.string().max(40), z.string().max(500)),
]);
export const expand = z.array(z.string());

const range = z.preprocess(
  (value) => typeof value === "string" ? { gte: value, lte: value } : value,
  z.strictObject({ gt: integer.optional(), gte: integer.optional(), lt: integer.optional(), lte: integer.optional() }),
);

/** The parameters of every list. `status` is not among them: on intents it must be refused. */
export const listParams = {
  limit: integer.optional(),
  starting_after: text.optional(),
  ending_before: text.optional(),
  created: range.optional(),
  expand: expand.optional(),
};

/** Parses the parameters of a call, or throws Stripe's 400 for the first error in them. */
export function readParams<T extends z.ZodType>(schema: T, params: Record<string, FormValue>): z.output<T> {
  const result = schema.safeParse(params);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  if (issue.code === "unrecognized_keys") {
    const name = bracketed([...issue.path, issue.keys[0]!]);
    throw invalidParameter(name, { code: "parameter_unknown", message: `Received unknown parameter: ${name}` });
  }
  const name = bracketed(issue.path);
  const given = valueAt(params, issue.path);
  if (given === undefined) {
    throw invalidParameter(name, { code: "parameter_missing", message: `Missing required param: ${name}.` });
  }
  if (issue.code === "invalid_format") {
    throw invalidParameter(name, { code: "parameter_invalid_integer", message: `Invalid integer: ${given}` });
  }
  throw invalidParameter(name, { message: `Invalid ${name}: ${issue.message}` });
}

/** Refuses every expansion that this endpoint does not support, as Stripe does. */
export function readExpand(expand: string[] | undefined, known: string[]): string[] {
  for (const name of expand ?? []) {
    if (!known.includes(name)) {
      throw invalidParameter("expand", { message: `This property cannot be expanded (${name}).` });
    }
  }
  return expand ?? [];
}

/** The page size: 1 to 100, by default 10. */
export function readLimit(limit: number | undefined): number {
  if (limit === undefined) return 10;
  if (limit < 1 || limit > 100) {
    const message = limit < 1
      ? "This value must be greater than or equal to 1."
      : "This value must be less than or equal to 100.";
    throw invalidParameter("limit", { code: "parameter_invalid_integer", message });
  }
  return limit;
}

function bracketed(path: PropertyKey[]): string {
  return path.map((key, depth) => depth === 0 ? String(key) : `[${String(key)}]`).join("");
}

function valueAt(params: FormValue, path: PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], params);
}
