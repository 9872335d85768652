import {
  createClient,
  FunctionsFetchError,
  FunctionsHttpError,
  FunctionsRelayError,
  type PostgrestError,
  type SupabaseClient,
} from "@supabase/supabase-js";
import { z } from "zod";
import { createRpc } from "../functions/_shared/database/rpc.ts";
import { DatabaseError } from "../functions/_shared/errors.ts";
import type { Target } from "./environment.ts";
import { MissingError, NotAllowedError, RefusedError, UnreachableError, UsageError } from "./errors.ts";

/** One Supabase project, reached as a signed-in user or with a secret key. */
export type Project = {
  target: Target;
  client: SupabaseClient;
  /** Who is written down as having asked. */
  requestedBy: string;
  /** Rows of a table or view; row-level security decides which. */
  rows<T>(query: PromiseLike<Answer>, row: z.ZodType<T>): Promise<T[]>;
  /** A database function; all of them need the secret key. */
  call<T>(name: string, args: Record<string, unknown>, answer: z.ZodType<T>): Promise<T>;
  /** An Edge Function's answer to a POST. */
  invoke(name: string, body: Record<string, unknown>): Promise<unknown>;
};

type Answer = { data: unknown; error: PostgrestError | null; status: number };

/** @throws UnreachableError or NotAllowedError when the login does not work. A secret key shows at its first use. */
export async function openProject(target: Target): Promise<Project> {
  const { credentials, url } = target;
  const client = createClient(url, credentials.kind === "key" ? credentials.secretKey : credentials.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  });
  const requestedBy = credentials.kind === "key" ? `cli:${target.actor}` : await signIn(client, credentials);
  const rpc = createRpc(client);
  return {
    target,
    client,
    requestedBy,
    async rows(query, row) {
      const { data, error, status } = await query;
      if (error) throw refusalOf({ code: error.code || null, message: error.message, status });
      return z.array(row).parse(data);
    },
    async call(name, args, answer) {
      if (credentials.kind === "login") {
        throw new NotAllowedError(`Cannot call ${name} as ${credentials.email}: it needs LAPSE_SECRET_KEY`);
      }
      try {
        return await rpc(name, args, { answer, repeatable: false });
      } catch (error) {
        if (error instanceof DatabaseError) throw refusalOf({ code: error.code, message: error.message, status: null });
        throw error;
      }
    },
    invoke: (name, body) => invoke(client, name, body),
  };
}

async function signIn(client: SupabaseClient, { email, password }: { email: string; password: string }) {
  const { data, error } = await client.auth.signInWithPassword({ email, password });
  if (error === null) return data.user.id;
  const message = `Cannot sign in as ${email}: ${error.message}`;
  throw error.status !== undefined && error.status >= 400 && error.status < 500
    ? new NotAllowedError(message)
    : new UnreachableError(message);
}

/** PostgREST's codes, and those that the database functions raise (PT404, PT409, 22023). */
function refusalOf({ code, message, status }: { code: string | null; message: string; status: number | null }): Error {
  const said = message.replace(/^Cannot call \w+: current value is /, "");
  if (code === "PT404" || code === "PT409") return new RefusedError(said);
  if (code === "22023" || code === "22P02") return new UsageError(said);
  if (code === "42501" || code === "PGRST301" || code === "PGRST302" || status === 401 || status === 403) {
    return new NotAllowedError(`These credentials are not allowed to do this: ${said}`);
  }
  if (code === "PGRST202" || code === "PGRST205" || code === "42P01" || code === "42883") {
    return new MissingError(`The project lacks what is needed (are all migrations applied?): ${said}`);
  }
  return new UnreachableError(`The project gave no usable answer: ${said}`);
}

async function invoke(client: SupabaseClient, name: string, body: Record<string, unknown>): Promise<unknown> {
  const { data, error } = await client.functions.invoke(name, { body });
  if (!error) return data;
  if (!(error instanceof FunctionsHttpError)) {
    const lost = error instanceof FunctionsFetchError || error instanceof FunctionsRelayError;
    throw new UnreachableError(`Cannot reach the function ${name}: ${lost ? error.message : String(error)}`);
  }
  const response: Response = error.context;
  const said = await saidBy(response);
  const message = `The function ${name} answered ${response.status}: ${said}`;
  if (response.status === 401 || response.status === 403) throw new NotAllowedError(message);
  if (response.status === 404) throw new UnreachableError(`${message} (is it deployed?)`);
  if (response.status === 400) throw new UsageError(message);
  if (said === "" || response.status > 500) throw new UnreachableError(message);
  throw new RefusedError(message);
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
