import * as z from "zod/mini";
import { ConfigurationError } from "./errors.ts";
import { WITHOUT_COMPILING } from "./parsing.ts";

/** Reads one variable; `Deno.env.get` on the platform, a record in tests. */
export type ReadVariable = (name: string) => string | undefined;

/** The Supabase project's URL and keys, in the shape that `@supabase/server` takes. */
export type Project = {
  url: string;
  publishableKeys: Record<string, string>;
  secretKeys: Record<string, string>;
  /** The key set for user tokens; without it `@supabase/server` fetches the project's. */
  jwks?: { keys: Record<string, unknown>[] };
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
const webhookSecrets = z.pipe(
  z.pipe(
    z.string(),
    z.transform((text) => text.split(",").map((secret) => secret.trim()).filter((secret) => secret !== "")),
  ),
  z.array(z.string().check(z.regex(/^whsec_[\w+/=-]{16,}$/, "not a list of signing secrets"))).check(z.minLength(1)),
);
const longSecret = z.string().check(z.minLength(32, "shorter than 32 characters"));

/**
 * Parses the variables that the platform injects.
 *
 * @throws ConfigurationError naming the first variable that is missing or malformed, never its value.
 */
export function parseProject(read: ReadVariable): Project {
  const jwks = parse(read, "SUPABASE_JWKS", z.nullable(keySet), null);
  return {
    url: parse(read, "SUPABASE_URL", z.url()),
    publishableKeys: parse(read, "SUPABASE_PUBLISHABLE_KEYS", namedKeys),
    secretKeys: parse(
      read,
      "SUPABASE_SECRET_KEYS",
      namedKeys.check(z.refine((keys) => Object.keys(keys).length > 0, "no key in it")),
    ),
    ...(jwks === null ? {} : { jwks }),
  };
}

/**
 * The accepted values of `x-lapse-secret`: one, or two while one is being replaced.
 *
 * @throws ConfigurationError like {@linkcode parseProject}.
 */
export function parseSchedulerSecrets(read: ReadVariable): string[] {
  const previous = parse(read, "LAPSE_SCHEDULER_SECRET_PREVIOUS", z.nullable(longSecret), null);
  return [parse(read, "LAPSE_SCHEDULER_SECRET", longSecret), ...(previous === null ? [] : [previous])];
}

/**
 * The token that grants access to the metrics.
 *
 * @throws ConfigurationError like {@linkcode parseProject}.
 */
export function parseMetricsToken(read: ReadVariable): string {
  return parse(read, "LAPSE_METRICS_TOKEN", longSecret);
}

/**
 * Parses Stripe's part of the environment. A restricted key (`rk_`) suffices. It must be allowed to write PaymentIntents and Checkout
 * Sessions, and Refunds if the settings allow refunds.
 *
 * @throws ConfigurationError like {@linkcode parseProject}.
 */
export function parseStripe(read: ReadVariable): StripeEnvironment {
  return {
    secretKey: parse(
      read,
      "STRIPE_SECRET_KEY",
      z.string().check(z.regex(/^(sk|rk)_(test|live)_[A-Za-z0-9_]+$/, "not a secret or restricted key")),
    ),
    apiBase: parse(read, "STRIPE_API_BASE", z.optional(z.url({ protocol: /^https?$/ })), undefined),
  };
}

/**
 * Parses the signing secrets of the webhook's endpoints. There are several, separated by commas, while an endpoint's secret
 * is being replaced, or where connected accounts have an endpoint of their own.
 *
 * @throws ConfigurationError like {@linkcode parseProject}.
 */
export function parseWebhookSecrets(read: ReadVariable): string[] {
  return parse(read, "STRIPE_WEBHOOK_SECRET", webhookSecrets);
}

/**
 * Parses one variable. The value is trimmed, because a pasted secret often ends in a line break. An empty variable counts as missing,
 * because that is what an unset secret looks like in a shell or a dashboard.
 */
function parse<T>(read: ReadVariable, name: string, schema: z.core.$ZodType<T>, ...fallback: [T?]): T {
  const value = read(name)?.trim() ?? "";
  if (value === "") {
    if (fallback.length > 0) return fallback[0] as T;
    throw new ConfigurationError(`Cannot start: ${name} is not set. Set it with "supabase secrets set"`);
  }
  const result = z.safeParse(schema, value, WITHOUT_COMPILING);
  if (result.success) return result.data;
  const reason = result.error.issues[0]?.message ?? "malformed";
  throw new ConfigurationError(`Cannot start: ${name} is malformed (${reason}). Set it with "supabase secrets set"`);
}
