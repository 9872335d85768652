import type postgres from "postgres";
import type { Client } from "./callers.ts";

/** What came of one operation: `code` is the database's, or the HTTP status of an endpoint. */
export type Attempt = { refused: boolean; rows: number; said: string };

const DENIED = "42501";

/** Rows that a caller with the right may insert, change and delete. */
const OWN_ROWS: Record<string, { insert: Record<string, unknown>; update: Record<string, unknown>; key: string }> = {
  inventory: { insert: { sku: "new-article", on_hand: 1 }, update: { on_hand: 2 }, key: "sku" },
  expiry_policies: {
    insert: { channel: "new-channel", time_to_pay: "1 hour" },
    update: { grace: "1 minute" },
    key: "channel",
  },
};

export async function tryRead(client: Client, table: string): Promise<Attempt> {
  return outcome(await client.from(table).select());
}

/** A row nobody would accept will do where the caller must not even come near: rights are looked at before constraints. */
export async function tryInsert(client: Client, table: string, column: string): Promise<Attempt> {
  return outcome(await client.from(table).insert(OWN_ROWS[table]?.insert ?? { [column]: null }));
}

export async function tryUpdate(client: Client, table: string, column: string): Promise<Attempt> {
  const own = OWN_ROWS[table];
  return own
    ? outcome(await client.from(table).update(own.update).eq(own.key, own.insert[own.key]!).select())
    : outcome(await client.from(table).update({ [column]: null }).not(column, "is", null));
}

export async function tryDelete(client: Client, table: string, column: string): Promise<Attempt> {
  const own = OWN_ROWS[table];
  return own
    ? outcome(await client.from(table).delete().eq(own.key, own.insert[own.key]!).select())
    : outcome(await client.from(table).delete().not(column, "is", null));
}

/** With empty arguments: whoever is let in hears of them, from the function itself. */
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

export type PublicTable = { name: string; column: string };
export type PublicFunction = { name: string; args: string[] };

/** The tables and views of `public`, each with a column that may be named in a write (identity columns may not). */
export function findTables(sql: postgres.Sql): Promise<PublicTable[]> {
  return sql<PublicTable[]>`
    select c.relname::text as name,
      (select a.attname::text from pg_attribute a
       where a.attrelid = c.oid and a.attnum > 0 and a.attidentity = '' and not a.attisdropped order by a.attnum limit 1) as column
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1`;
}

/** The functions of `public`, with the arguments that have no default. */
export function findFunctions(sql: postgres.Sql): Promise<PublicFunction[]> {
  return sql<PublicFunction[]>`
    select p.proname::text as name, coalesce(p.proargnames[1:p.pronargs - p.pronargdefaults], '{}') as args
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e') order by 1`;
}
