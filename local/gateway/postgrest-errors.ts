import { AsyncLocalStorage } from "node:async_hooks";

/** A database error, as reported by postgres.js. */
export type DatabaseError = { code: string; message: string; detail?: string | null; hint?: string | null };

const current = new AsyncLocalStorage<{ error?: DatabaseError }>();

/** Records the database error that lite is about to answer with; `answerLikePostgrest` uses it. */
export function noteDatabaseError(error: unknown): void {
  const request = current.getStore();
  if (request && isDatabaseError(error)) request.error = error;
}

/**
 * lite answers most SQLSTATEs with 500 and a code of its own. PostgREST passes the SQLSTATE on, with the HTTP status of
 * its class. Without this a caller could not tell a refusal from a failure.
 */
export async function answerLikePostgrest(request: Request, answer: () => Promise<Response>): Promise<Response> {
  const noted: { error?: DatabaseError } = {};
  const response = await current.run(noted, answer);
  const { error } = noted;
  // An error with the code PGRST contains its own answer in its message; lite handles that.
  if (response.ok || error === undefined || error.code === "PGRST") return response;
  const said = await response.clone().json().catch(() => ({}));
  const isRpc = new URL(request.url).pathname.startsWith("/rest/v1/rpc/");
  // For a missing table, PostgREST answers from its schema cache; lite does the same.
  if (error.code === "42P01" && !isRpc) return response;
  const { code, detail, hint } = error;
  // For a missing column, lite names the table as PostgREST does.
  const message = said.code === code ? said.message : error.message;
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  const body = JSON.stringify({ code, details: detail ?? null, hint: hint ?? null, message });
  return new Response(body, { status: statusOf(error, response.status), headers });
}

/** PostgREST's mapping (docs.postgrest.org, "Errors"): whole classes, and single codes that differ from their class. */
const BY_CODE: Record<string, number> = {
  "23503": 409,
  "23505": 409,
  "25006": 405,
  "42883": 404,
  "42P01": 404,
  "42P17": 500,
  "53400": 500,
  "57P01": 503,
  P0001: 400,
};
const BY_CLASS: Record<string, number> = {
  "08": 503,
  "09": 500,
  "0L": 403,
  "0P": 403,
  "21": 500,
  "25": 500,
  "28": 403,
  "2D": 500,
  "38": 500,
  "39": 500,
  "3B": 500,
  "40": 500,
  "53": 503,
  "54": 500,
  "55": 500,
  "57": 500,
  "58": 500,
  F0: 500,
  HV: 500,
  P0: 500,
  XX: 500,
};

function statusOf({ code, message }: DatabaseError, answered: number): number {
  const own = /^PT(\d{3})$/.exec(code);
  if (own) return Number(own[1]);
  if (code.startsWith("PT")) return 500;
  // 401 for anon, 403 for everybody else.
  if (code === "42501") return answered === 401 ? 401 : 403;
  if (code === "21000" && message.endsWith("requires a WHERE clause")) return 400;
  return BY_CODE[code] ?? BY_CLASS[code.slice(0, 2)] ?? 400;
}

function isDatabaseError(error: unknown): error is DatabaseError {
  if (typeof error !== "object" || error === null) return false;
  const { code, message } = error as Record<string, unknown>;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && typeof message === "string";
}
