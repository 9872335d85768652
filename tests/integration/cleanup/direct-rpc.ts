import type postgres from "postgres";
import { z } from "zod";
import type { Rpc } from "../../../functions/_shared/database/rpc.ts";

/** Calls the jobs' database functions over a plain connection, the way PostgREST does, told the time by `now`. */
export function directRpc(sql: postgres.Sql, now: () => Date): Rpc {
  const statements = new Map<string, Promise<string>>();
  return async (name, args, { answer }) => {
    const told = { ...args, p_now: now() };
    if (!statements.has(name)) statements.set(name, prepare(sql, name, Object.keys(told)));
    const [row] = await sql.unsafe(await statements.get(name)!, [JSON.stringify(told)]);
    return z.parse(answer, row!.answer);
  };
}

/** Arguments travel as one JSON object, and PostgreSQL reads each as the type its function wants. */
async function prepare(sql: postgres.Sql, name: string, keys: string[]): Promise<string> {
  const types = await sql<{ key: string; type: string }[]>`
    select a.key, format_type(a.type, null) as type
    from pg_catalog.pg_proc p, unnest(p.proargnames, p.proargtypes::oid[]) as a (key, type)
    where p.oid = ${`public.${name}`}::regproc`;
  // Not every function asks for the time; any other argument it does not know is a mistake.
  const known = keys.filter((key) => key !== "p_now" || types.some((it) => it.key === key));
  const columns = types.filter(({ key }) => known.includes(key)).map(({ key, type }) => `${key} ${type}`);
  const places = known.map((key) => `${key} => x.${key}`);
  return `select public.${name}(${places}) as answer from jsonb_to_record($1::text::jsonb) as x (${columns})`;
}
