import postgres from "postgres";

/**
 * Calls a database function as PostgREST would, over a plain connection: arguments by name, lists and objects by the type of the
 * parameter, refusals with their SQLSTATE. `p_now`, which a simulation adds to every call, is left out where a function has no use for it.
 */
export function createDirectCall(sql: postgres.Sql) {
  return async (name: string, args: Record<string, unknown>) => {
    try {
      const types = await typesOf(sql, name);
      const entries = Object.entries(args).filter(([key, value]) =>
        value !== undefined && (key !== "p_now" || types.has(key))
      );
      const places = entries.map(([key], index) => `${key} => $${index + 1}`).join(", ");
      const values = entries.map(([key, value]) => {
        const isJson = types.get(key) === "jsonb" && value !== null;
        return isJson ? sql.json(JSON.parse(JSON.stringify(value))) : value as string;
      });
      const [row] = await sql.unsafe(`select public.${name}(${places}) as answer`, values, { prepare: true });
      return { data: row!.answer as unknown, error: null, status: 200 };
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) {
        return { data: null, error: { message: String(error), code: "" }, status: 503 };
      }
      return { data: null, error: { message: error.message, code: error.code }, status: 400 };
    }
  };
}

const known = new Map<string, Map<string, string>>();

/** The types of a function's parameters, by name. */
async function typesOf(sql: postgres.Sql, name: string): Promise<Map<string, string>> {
  const cached = known.get(name);
  if (cached) return cached;
  const rows = await sql<{ key: string; type: string }[]>`
    select a.key, format_type(a.type, null) as type
    from pg_proc p, unnest(p.proargnames, p.proargtypes::oid[]) as a (key, type)
    where p.pronamespace = 'public'::regnamespace and p.proname = ${name}`;
  const types = new Map(rows.map(({ key, type }) => [key, type]));
  known.set(name, types);
  return types;
}
