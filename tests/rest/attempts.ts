import type postgres from "postgres";
import type { Client } from "./callers.ts";

/** What one operation led to: `said` is the database's answer, or the HTTP status of an endpoint. */
export type Attempt = { refused: boolean; rows: number; said: string };

const DENIED = "42501";

export async function tryRead(client: Client, view: string): Promise<Attempt> {
  return outcome(await client.from(view).select());
}

/** An invalid row suffices if the caller must be refused anyway, because privileges are checked before constraints. */
export async function tryInsert(client: Client, { name, column }: PublicView): Promise<Attempt> {
  return outcome(await client.from(name).insert({ [column]: null }));
}

export async function tryUpdate(client: Client, { name, column }: PublicView): Promise<Attempt> {
  return outcome(await client.from(name).update({ [column]: null }).not(column, "is", null));
}

export async function tryDelete(client: Client, { name, column }: PublicView): Promise<Attempt> {
  return outcome(await client.from(name).delete().not(column, "is", null));
}

/** With empty arguments, about which the function itself complains to an admitted caller. */
export async function tryCall(client: Client, name: string, args: string[]): Promise<Attempt> {
  return outcome(await client.rpc(name, Object.fromEntries(args.map((arg) => [arg, null]))));
}

export async function tryEndpoint(client: Client, method: string, name: string): Promise<Attempt> {
  const { error } = await client.functions.invoke(name, { method: method as "GET" | "POST" });
  const status: number | undefined = error?.context?.status;
  if (error && status === undefined) throw error;
  return { refused: status === 401 || status === 403, rows: 0, said: `${status ?? "2xx"}` };
}

function outcome(
  { data, error, status }: { data: unknown; error: { code: string; message: string } | null; status: number },
): Attempt {
  // No answer at all, or a name the API does not know, is neither a yes nor a no.
  if (error && (!error.code || error.code.startsWith("PGRST"))) {
    throw new Error(`${status} ${error.code} ${error.message}`);
  }
  return {
    refused: error?.code === DENIED,
    rows: Array.isArray(data) ? data.length : 0,
    said: `${status} ${error?.message ?? ""}`,
  };
}

export type PublicView = { name: string; column: string };
export type PublicFunction = { name: string; args: string[] };

/** What Lapse shows in `public`, each with a column that a write may name. Tables and views of the shop are its own business. */
export function findViews(sql: postgres.Sql): Promise<PublicView[]> {
  return sql<PublicView[]>`
    select c.relname::text as name,
      -- the first may be an identity column, which nobody may write
      (select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum = 2) as column
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relname like 'lapse\\_%'
    order by 1`;
}

/** Lapse's functions in `public`, with the arguments that have no default. */
export function findFunctions(sql: postgres.Sql): Promise<PublicFunction[]> {
  return sql<PublicFunction[]>`
    select p.proname::text as name, coalesce(p.proargnames[1:p.pronargs - p.pronargdefaults], '{}') as args
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proname like 'lapse\\_%' order by 1`;
}
