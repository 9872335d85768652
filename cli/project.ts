import { AuthClient } from "@supabase/auth-js";
import { FunctionsClient, FunctionsFetchError, FunctionsHttpError } from "@supabase/functions-js";
import { PostgrestClient, type PostgrestError } from "@supabase/postgrest-js";
import { z } from "zod";
import {
  keyToCheck,
  NotAllowedError,
  refusalOf,
  RefusedError,
  unreachable,
  UnreachableError,
  UsageError,
} from "./errors.ts";
import { camelCased } from "./rows.ts";
import type { Target } from "./target.ts";

const TIMEOUT_MS = 15_000;

/** A Supabase project, accessed as a signed-in user or with a secret key. */
export type Project = {
  target: Target;
  client: PostgrestClient;
  /** Recorded as the person who made the request. */
  requestedBy: string;
  /** The rows of a view, with names in camelCase. Row-level security applies. */
  rows<T>(query: PromiseLike<Answer>, row: z.ZodType<T>): Promise<T[]>;
  /** Calls a database function; the names in its answer stay as they are. All of them need the secret key. */
  call<T>(name: string, args: Record<string, unknown>, answer: z.ZodType<T>): Promise<T>;
  /** The answer of an Edge Function to a POST. */
  invoke(name: string, body: Record<string, unknown>): Promise<unknown>;
};

type Answer = { data: unknown; error: PostgrestError | null; status: number };

/** @throws UnreachableError or NotAllowedError if the login fails. A wrong secret key is noticed at its first use. */
export async function openProject(target: Target): Promise<Project> {
  const { credentials, url } = target;
  const { headers, requestedBy } = credentials.kind === "key"
    ? { headers: headersOf(credentials.secretKey), requestedBy: `cli:${target.actor}` }
    : await signIn({ ...credentials, target });
  // Not supabase-js, which combines these clients: its Realtime needs a WebSocket, which Node 20 lacks.
  const client = new PostgrestClient(`${url}/rest/v1`, { headers });
  const functions = new FunctionsClient(`${url}/functions/v1`, { headers });
  return {
    target,
    client,
    requestedBy,
    async rows(query, row) {
      const { data, error, status } = await query;
      if (error) throw refusalOf({ code: error.code || null, message: error.message, status }, target);
      return z.array(z.unknown()).parse(data).map((it) => parseAnswer(row, { value: camelCased(it), of: url }));
    },
    async call(name, args, answer) {
      if (credentials.kind === "login") {
        throw new NotAllowedError(`Cannot call ${name} as ${credentials.email}: it needs LAPSE_SECRET_KEY`);
      }
      const { data, error, status } = await client.rpc(name, args).abortSignal(AbortSignal.timeout(TIMEOUT_MS));
      if (error) throw refusalOf({ code: error.code || null, message: error.message, status }, target);
      return parseAnswer(answer, { value: data, of: name });
    },
    invoke: (name, body) => invoke(functions, { name, body, target }),
  };
}

/** @throws UnreachableError naming the field that does not have the expected form. */
export function parseAnswer<T>(shape: z.ZodType<T>, { value, of }: { value: unknown; of: string }): T {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new UnreachableError(
    `Cannot read the answer of ${of}: ${
      path.join(".") || "it"
    }: ${message}. Does the project have this version of Lapse?`,
  );
}

/** `token` is the user's. A secret key is its own token. */
function headersOf(key: string, token = key): Record<string, string> {
  return { apikey: key, authorization: `Bearer ${token}` };
}

type Login = { email: string; password: string; publishableKey: string; target: Target };

async function signIn({ email, password, publishableKey, target }: Login) {
  const auth = new AuthClient({
    url: `${target.url}/auth/v1`,
    headers: headersOf(publishableKey),
    persistSession: false,
    autoRefreshToken: false,
    detectSessionInUrl: false,
  });
  const { data, error } = await auth.signInWithPassword({ email, password });
  if (error === null) {
    return { headers: headersOf(publishableKey, data.session.access_token), requestedBy: data.user.id };
  }
  if (!error.status) throw unreachable(error.message, target);
  const message = `Cannot sign in as ${email}: ${error.message}`;
  throw error.status >= 400 && error.status < 500 ? new NotAllowedError(message) : new UnreachableError(message);
}

type Call = { name: string; body: Record<string, unknown>; target: Target };

async function invoke(functions: FunctionsClient, { name, body, target }: Call): Promise<unknown> {
  const { data, error } = await functions.invoke(name, { body });
  if (!error) return data;
  if (error instanceof FunctionsFetchError) throw unreachable(causeOf(error), target);
  if (!(error instanceof FunctionsHttpError)) throw new UnreachableError(`Cannot reach the function ${name}: ${error}`);
  const response: Response = error.context;
  const said = await saidBy(response);
  const message = `Cannot use the function ${name}: it answered ${response.status}: ${said}`;
  if (response.status === 401 || response.status === 403) throw new NotAllowedError(`${message}${keyToCheck(target)}`);
  if (response.status === 404) {
    // The function answers 404 for an unknown run, the platform for an unknown function.
    throw said.startsWith("Cannot") ? new RefusedError(message) : new UnreachableError(`${message}. Deploy it first`);
  }
  if (response.status === 400) throw new UsageError(message);
  if (said === "" || response.status > 500) throw new UnreachableError(message);
  throw new RefusedError(message);
}

/** The client's message says only that it failed; the cause is in the context. */
function causeOf(error: FunctionsFetchError): string {
  return error.context instanceof Error ? error.context.message : error.message;
}

async function saidBy(response: Response): Promise<string> {
  const text = await response.text();
  const shape = z.looseObject({ error: z.looseObject({ message: z.string(), issues: z.unknown().optional() }) });
  try {
    const { error } = shape.parse(JSON.parse(text));
    return error.issues ? `${error.message} ${JSON.stringify(error.issues)}` : error.message;
  } catch {
    return text.slice(0, 200);
  }
}
