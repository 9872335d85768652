import postgres from "postgres";

/**
 * Calls a database function as PostgREST would, over a plain connection: arguments by name, lists and objects by the type of the
 * parameter, refusals with their SQLSTATE. Where the API has `public.lapse_x` this calls `lapse.x`, the same function before its wrapper,
 * and passes the time (`p_now`).
 */
export function createDirectCall(sql: postgres.Sql, now: () => Date) {
  return async (name: string, args: Record<string, unknown>) => {
    try {
      const inner = name.replace(/^lapse_/, "");
      const types = await typesOf(sql, inner);
      const told = { ...args, p_now: now().toISOString() };
      const entries = Object.entries(told).filter(([key, value]) =>
        value !== undefined && (key !== "p_now" || types.has(key))
      );
      const places = entries.map(([key], index) => `${key} => $${index + 1}`).join(", ");
      const values = entries.map(([key, value]) => {
        const isJson = types.get(key) === "jsonb" && value !== null;
        return isJson ? sql.json(JSON.parse(JSON.stringify(value))) : value as string;
      });
      const [row] = await sql.unsafe(`select lapse.${inner}(${places}) as answer`, values, { prepare: true });
      return { data: row!.answer as unknown, error: null, status: 200 };
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) {
        return { data: null, error: { message: String(error), code: "" }, status: 503 };
      }
      const { message, code, detail = null, hint = null } = error;
      return { data: null, error: { message, code, details: detail, hint }, status: 400 };
    }
  };
}

const known = new Map<string, Map<string, string>>();

async function typesOf(sql: postgres.Sql, name: string): Promise<Map<string, string>> {
  const cached = known.get(name);
  if (cached) return cached;
  const rows = await sql<{ key: string; type: string }[]>`
    select a.key, format_type(a.type, null) as type
    from pg_catalog.pg_proc p, unnest(p.proargnames, p.proargtypes::oid[]) as a (key, type)
    where p.oid = ${`lapse.${name}`}::regproc`;
  const types = new Map(rows.map(({ key, type }) => [key, type]));
  known.set(name, types);
  return types;
}
