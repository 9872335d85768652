import postgres from "postgres";

/** Calls a database function as PostgREST would, over a plain connection: arguments by name, refusals with their SQLSTATE. */
export function createDirectCall(sql: postgres.Sql) {
  return async (name: string, args: Record<string, unknown>) => {
    const entries = Object.entries(args).filter(([, value]) => value !== undefined);
    const places = entries.map(([key], index) => `${key} => $${index + 1}`).join(", ");
    const values = entries.map(([, value]) =>
      typeof value === "object" && value !== null ? sql.json(JSON.parse(JSON.stringify(value))) : value as string
    );
    try {
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
