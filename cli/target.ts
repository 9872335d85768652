import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { UsageError } from "./errors.ts";

/** The file in which the running local stack publishes its addresses and keys (local/stack/announce.ts). */
export const stackFile = fileURLToPath(new URL("../.lapse/stack.json", import.meta.url));

export type Credentials = { kind: "key"; secretKey: string } | {
  kind: "login";
  email: string;
  password: string;
  publishableKey: string;
};

/** The project and the credentials. `doctor` has what only the doctor needs; each value may be missing. */
export type Target = {
  url: string;
  local: boolean;
  credentials: Credentials;
  /** Recorded as the person who made the request, because a secret key identifies no person. */
  actor: string;
  doctor: {
    publishableKey: string | undefined;
    schedulerSecret: string | undefined;
    stripeSecretKey: string | undefined;
    stripeApiBase: string;
  };
};

type Read = (name: string) => string | undefined;

const stackSchema = z.looseObject({
  apiUrl: z.url(),
  secretKey: z.string(),
  publishableKey: z.string(),
  schedulerSecret: z.string(),
  stripeApiBase: z.url(),
});

/**
 * Chooses the project: the one in LAPSE_URL, with its credentials, or else the running local stack.
 *
 * @throws UsageError naming what is missing, never the value of a secret.
 */
export function readTarget(read: Read, file = stackFile): Target {
  const get = (name: string) => read(name)?.trim() || undefined;
  const url = get("LAPSE_URL");
  const stack = url === undefined ? readStack(file) : null;
  if (url === undefined && stack === null) {
    throw new UsageError(
      "Cannot choose a project: LAPSE_URL is not set and no local stack is running. Set LAPSE_URL and LAPSE_SECRET_KEY " +
        "(or LAPSE_EMAIL, LAPSE_PASSWORD and LAPSE_PUBLISHABLE_KEY), or start the local stack with npm run stack",
    );
  }
  return {
    url: checkUrl(stack?.apiUrl ?? url!),
    local: stack !== null,
    credentials: readCredentials(get, stack?.secretKey),
    actor: get("LAPSE_ACTOR") ?? get("USER") ?? get("USERNAME") ?? "unknown",
    doctor: {
      publishableKey: get("LAPSE_PUBLISHABLE_KEY") ?? stack?.publishableKey,
      schedulerSecret: get("LAPSE_SCHEDULER_SECRET") ?? stack?.schedulerSecret,
      stripeSecretKey: get("STRIPE_SECRET_KEY") ?? (stack ? "sk_test_local" : undefined),
      stripeApiBase: get("STRIPE_API_BASE") ?? stack?.stripeApiBase ?? "https://api.stripe.com",
    },
  };
}

/**
 * The project's address and publishable key, for a page whose users sign in themselves.
 *
 * @throws UsageError naming what is missing.
 */
export function readPlace(read: Read, file = stackFile): { url: string; publishableKey: string } {
  const get = (name: string) => read(name)?.trim() || undefined;
  const url = get("LAPSE_URL");
  const stack = url === undefined ? readStack(file) : null;
  const publishableKey = get("LAPSE_PUBLISHABLE_KEY") ?? stack?.publishableKey;
  if (url === undefined && stack === null || publishableKey === undefined) {
    throw new UsageError(
      "Cannot choose a project: set LAPSE_URL and LAPSE_PUBLISHABLE_KEY, or start the local stack with npm run stack",
    );
  }
  return { url: checkUrl(stack?.apiUrl ?? url!), publishableKey };
}

function readCredentials(get: Read, stackKey: string | undefined): Credentials {
  const secretKey = get("LAPSE_SECRET_KEY");
  if (secretKey) return { kind: "key", secretKey };
  const [email, password, publishableKey] = ["LAPSE_EMAIL", "LAPSE_PASSWORD", "LAPSE_PUBLISHABLE_KEY"].map(get);
  if (email && password && publishableKey) return { kind: "login", email, password, publishableKey };
  // Somebody who meant to sign in must not act with the stack's key, which has every permission.
  if (stackKey && !email && !password && !publishableKey) return { kind: "key", secretKey: stackKey };
  throw new UsageError(
    "Cannot sign in: credentials are missing. Set LAPSE_SECRET_KEY, or all of LAPSE_EMAIL, LAPSE_PASSWORD and " +
      "LAPSE_PUBLISHABLE_KEY",
  );
}

/** Keys are sent to this address, so http is allowed only for this machine. */
function checkUrl(text: string): string {
  const url = URL.parse(text);
  const own = url !== null && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  if (url?.protocol === "https:" || (own && url.protocol === "http:")) return url.origin;
  throw new UsageError(`Cannot use LAPSE_URL ${text}: it is not https. Write it as https://REF.supabase.co`);
}

function readStack(file: string): z.infer<typeof stackSchema> | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return null;
    throw error;
  }
  try {
    return stackSchema.parse(JSON.parse(text));
  } catch {
    throw new UsageError(`Cannot read ${join(".lapse", "stack.json")}: it is damaged. Start the local stack again`);
  }
}
