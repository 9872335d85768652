import type postgres from "postgres";
import type { ProjectKeys } from "./keys.ts";

/** The role that a request runs as. */
export type ApiRole = "anon" | "authenticated" | "service_role";

/**
 * The refusals of PostgREST, as configured on the platform, that lite lacks; null if nothing is refused. `body` is the
 * request's body, which can be read only once.
 */
export async function refuseLikePostgrest(
  request: { method: string; url: URL; headers: Headers; body: string; role: ApiRole },
  sql: postgres.Sql,
): Promise<Response | null> {
  const { method, url } = request;
  const [, , , table, ...more] = url.pathname.split("/");
  if (!table || table === "rpc" || more.length > 0) return null;
  if ((method === "PATCH" || method === "DELETE") && !hasFilter(url.searchParams)) {
    const verb = method === "PATCH" ? "UPDATE" : "DELETE";
    return refusal(400, { code: "21000", message: `${verb} requires a WHERE clause` });
  }
  if (method === "POST" && request.headers.get("prefer")?.includes("resolution=merge-duplicates")) {
    return await refuseKeyUpdate({ ...request, table: decodeURIComponent(table) }, sql);
  }
  return null;
}

/** The platform loads pg_safeupdate for the API. These query parameters are no conditions. */
const NO_FILTERS = ["select", "order", "limit", "offset", "columns", "on_conflict"];

function hasFilter(params: URLSearchParams): boolean {
  return [...params.keys()].some((key) => !NO_FILTERS.includes(key.split(".").at(-1)!));
}

/**
 * PostgREST's upsert assigns every column that was sent, including the key, and so needs UPDATE on all of them. lite
 * leaves out the key.
 */
async function refuseKeyUpdate(
  request: { url: URL; body: string; role: ApiRole; table: string },
  sql: postgres.Sql,
): Promise<Response | null> {
  const sent = columnsOf(request.body, request.url.searchParams.get("columns"));
  const conflict = request.url.searchParams.get("on_conflict")?.split(",") ?? null;
  const [row] = await sql`
    select bool_or(not has_column_privilege(${request.role}, c.oid, a.attnum, 'update')) as refused
    from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisprimary
    where c.relnamespace = 'public'::regnamespace and c.relname = ${request.table} and a.attname = any(${sent})
      and case when ${conflict}::text[] is null then a.attnum = any(i.indkey) else a.attname = any(${conflict}::text[]) end`;
  if (!row?.refused) return null;
  const message = `permission denied for table ${request.table}`;
  return refusal(request.role === "anon" ? 401 : 403, { code: "42501", message });
}

function columnsOf(body: string, columns: string | null): string[] {
  if (columns !== null) return columns.split(",").map((column) => column.replaceAll('"', ""));
  try {
    const payload = JSON.parse(body);
    const rows: unknown[] = Array.isArray(payload) ? payload : [payload];
    return [...new Set(rows.flatMap((row) => Object.keys(row as object)))];
  } catch {
    // lite reports what is wrong with it.
    return [];
  }
}

function refusal(status: number, error: { code: string; message: string }): Response {
  const body = { code: error.code, details: null, hint: null, message: error.message };
  return Response.json(body, { status, headers: { "access-control-allow-origin": "*" } });
}

/** The role of a request: a signed-in user's token takes precedence over the key. */
export function roleOf(request: Request, keys: ProjectKeys, hasToken: boolean): ApiRole {
  if (hasToken) return "authenticated";
  const key = request.headers.get("apikey") ?? new URL(request.url).searchParams.get("apikey");
  return key === keys.secretKey ? "service_role" : "anon";
}
