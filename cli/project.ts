import {
  createClient,
  FunctionsFetchError,
  FunctionsHttpError,
  type PostgrestError,
  type SupabaseClient,
} from "@supabase/supabase-js";
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

/** One Supabase project, reached by a user who signed in or with a secret key. */
export type Project = {
  target: Target;
  client: SupabaseClient;
  /** Recorded as the person who asked. */
  requestedBy: string;
  /** Rows of a view, with names in camelCase; row-level security decides which. */
  rows<T>(query: PromiseLike<Answer>, row: z.ZodType<T>): Promise<T[]>;
  /** A database function's answer, as the function names things; all of them need the secret key. */
  call<T>(name: string, args: Record<string, unknown>, answer: z.ZodType<T>): Promise<T>;
  /** An Edge Function's answer to a POST. */
  invoke(name: string, body: Record<string, unknown>): Promise<unknown>;
};

type Answer = { data: unknown; error: PostgrestError | null; status: number };

/** @throws UnreachableError or NotAllowedError when the login does not work. A wrong secret key shows at its first use. */
export async function openProject(target: Target): Promise<Project> {
  const { credentials, url } = target;
  const client = createClient(url, credentials.kind === "key" ? credentials.secretKey : credentials.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  });
  const requestedBy = credentials.kind === "key"
    ? `cli:${target.actor}`
    : await signIn(client, { ...credentials, target });
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
    invoke: (name, body) => invoke(client, { name, body, target }),
  };
}

/** @throws UnreachableError saying which field of an answer is not as this version expects it. */
export function parseAnswer<T>(shape: z.ZodType<T>, { value, of }: { value: unknown; of: string }): T {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new UnreachableError(
    `Cannot read the answer of ${of}: ${path.join(".") || "it"}: ${message}. Is the project of this version of Lapse?`,
  );
}

type Login = { email: string; password: string; target: Target };

async function signIn(client: SupabaseClient, { email, password, target }: Login): Promise<string> {
  const { data, error } = await client.auth.signInWithPassword({ email, password });
  if (error === null) return data.user.id;
  if (!error.status) throw unreachable(error.message, target);
  const message = `Cannot sign in as ${email}: ${error.message}`;
  throw error.status >= 400 && error.status < 500 ? new NotAllowedError(message) : new UnreachableError(message);
}

type Call = { name: string; body: Record<string, unknown>; target: Target };

async function invoke(client: SupabaseClient, { name, body, target }: Call): Promise<unknown> {
  const { data, error } = await client.functions.invoke(name, { body });
  if (!error) return data;
  if (error instanceof FunctionsFetchError) throw unreachable(causeOf(error), target);
  if (!(error instanceof FunctionsHttpError)) throw new UnreachableError(`Cannot reach the function ${name}: ${error}`);
  const response: Response = error.context;
  const said = await saidBy(response);
  const message = `Cannot use the function ${name}: it answered ${response.status}: ${said}`;
  if (response.status === 401 || response.status === 403) throw new NotAllowedError(`${message}${keyToCheck(target)}`);
  if (response.status === 404) {
    // The function names a run it does not know; the platform knows no such function.
    throw said.startsWith("Cannot") ? new RefusedError(message) : new UnreachableError(`${message}. Deploy it first`);
  }
  if (response.status === 400) throw new UsageError(message);
  if (said === "" || response.status > 500) throw new UnreachableError(message);
  throw new RefusedError(message);
}

/** supabase-js says that it failed, and keeps why in the context. */
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
