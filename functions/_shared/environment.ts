import { z } from "zod/mini";
import { ConfigurationError } from "./errors.ts";
import { WITHOUT_COMPILING } from "./parsing.ts";

/** Reads one variable; `Deno.env.get` on the platform, a record in tests. */
export type ReadVariable = (name: string) => string | undefined;

/** What the gate and the database client need. */
export type PlatformEnvironment = {
  supabaseUrl: string;
  publishableKeys: Record<string, string>;
  secretKeys: Record<string, string>;
  /** Inline key set for user tokens; null: `@supabase/server` fetches the project's own. */
  jwks: { keys: Record<string, unknown>[] } | null;
  /** One or, while rotating, two accepted values of `x-jobs-secret`. */
  schedulerSecrets: string[];
};

/** What the Stripe gateway needs. */
export type StripeEnvironment = { secretKey: string; apiBase: string | undefined };

const json = z.pipe(
  z.string(),
  z.transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.issues.push({ code: "custom", message: "not JSON", input: text });
      return z.NEVER;
    }
  }),
);
const namedKeys = z.pipe(json, z.record(z.string(), z.string().check(z.minLength(1))));
const keySet = z.pipe(
  json,
  z.union([
    z.object({ keys: z.array(z.looseObject({})) }),
    z.pipe(z.array(z.looseObject({})), z.transform((keys) => ({ keys }))),
  ]),
);
const schedulerSecret = z.string().check(z.minLength(32, "shorter than 32 characters"));

/**
 * Parses the platform's half of the environment.
 *
 * @throws ConfigurationError naming the first variable that is missing or malformed, never its value.
 */
export function parsePlatformEnvironment(read: ReadVariable): PlatformEnvironment {
  return {
    supabaseUrl: parse(read, "SUPABASE_URL", z.url()),
    publishableKeys: parse(read, "SUPABASE_PUBLISHABLE_KEYS", namedKeys),
    secretKeys: parse(
      read,
      "SUPABASE_SECRET_KEYS",
      namedKeys.check(z.refine((keys) => Object.keys(keys).length > 0, "no key in it")),
    ),
    jwks: parse(read, "SUPABASE_JWKS", z.nullable(keySet), null),
    schedulerSecrets: [
      parse(read, "JOBS_SCHEDULER_SECRET", schedulerSecret),
      ...[parse(read, "JOBS_SCHEDULER_SECRET_PREVIOUS", z.nullable(schedulerSecret), null)].filter((it) => it !== null),
    ],
  };
}

/**
 * Parses Stripe's half of the environment. Restricted keys (`rk_`) are welcome: the jobs need to read and cancel
 * PaymentIntents and to read and expire Checkout Sessions, nothing else.
 *
 * @throws ConfigurationError like {@linkcode parsePlatformEnvironment}.
 */
export function parseStripeEnvironment(read: ReadVariable): StripeEnvironment {
  return {
    secretKey: parse(
      read,
      "STRIPE_SECRET_KEY",
      z.string().check(z.regex(/^(sk|rk)_(test|live)_[A-Za-z0-9_]+$/, "not a secret or restricted key")),
    ),
    apiBase: parse(read, "STRIPE_API_BASE", z.optional(z.url({ protocol: /^https?$/ })), undefined),
  };
}

/** An empty variable counts as a missing one: that is what an unset secret looks like in a shell or a dashboard. */
function parse<T>(read: ReadVariable, name: string, schema: z.core.$ZodType<T>, ...fallback: [T?]): T {
  const value = read(name);
  if (value === undefined || value === "") {
    if (fallback.length > 0) return fallback[0] as T;
    throw new ConfigurationError(`Cannot start run as ${name} is not set: current value is empty`);
  }
  const result = z.safeParse(schema, value, WITHOUT_COMPILING);
  if (result.success) return result.data;
  const reason = result.error.issues[0]?.message ?? "malformed";
  throw new ConfigurationError(`Cannot start run as ${name} is malformed: current value is ${reason}`);
}
