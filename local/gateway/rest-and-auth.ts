import type { ProjectKeys } from "./keys.ts";
import { startLite } from "./lite.ts";
import { refuseLikePostgrest, roleOf } from "./postgrest-refusals.ts";
import { createTokenTranslator, type TokenTranslator } from "./tokens.ts";

export type RestAndAuth = {
  fetch(request: Request): Promise<Response>;
  /**
   * Gives up all connections to the database and opens new ones. PostgREST does so by itself when the database is gone; the driver under lite
   * hands out connections that were lost in the middle of a transaction, and waits for them without end.
   */
  reconnect(): Promise<void>;
  close(): Promise<void>;
};

/** Handles `/rest/v1` and `/auth/v1` with @supabase/lite, and translates a hosted project's tokens. */
export function startRestAndAuth(dbUrl: string, options: { keys: ProjectKeys; apiUrl: string }): RestAndAuth {
  let lite = startLite(dbUrl, options.keys);
  const tokens = createTokenTranslator(options.keys, { issuer: `${options.apiUrl}/auth/v1` });
  return {
    close: () => lite.close(),
    async reconnect() {
      const lost = lite;
      lite = startLite(dbUrl, options.keys, lost.schema());
      await lost.close();
    },
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/auth/v1/.well-known/jwks.json") return Response.json(options.keys.jwks);
      const isAuth = pathname.startsWith("/auth/v1/");
      if (isAuth && request.method === "OPTIONS") return answerPreflight(request);
      const token = await innerToken(request, tokens);
      if (isAuth) return await withOuterToken(await lite.fetch(withToken(request, token)), tokens);
      // lite checks the key first, so a caller without one learns nothing else about the request.
      const known = [options.keys.publishableKey, options.keys.secretKey].includes(request.headers.get("apikey") ?? "");
      if (!known || !MUTATIONS.includes(request.method)) return await lite.fetch(withToken(request, token));
      const { method, headers } = request;
      const body = await request.text();
      const role = roleOf(request, options.keys, token !== undefined);
      const asked = { method, headers, body, role, url: new URL(request.url) };
      return await refuseLikePostgrest(asked, lite.sql) ?? await lite.fetch(withToken(request, token, body));
    },
  };
}

const MUTATIONS = ["POST", "PATCH", "DELETE"];

async function innerToken(request: Request, tokens: TokenTranslator): Promise<string | undefined> {
  const [, token] = request.headers.get("authorization")?.match(/^Bearer\s+(\S+)$/i) ?? [];
  return token && await tokens.inward(token);
}

/** `body` replaces a body that was already read. */
function withToken(request: Request, token: string | undefined, body?: string): Request {
  if (!token && body === undefined) return request;
  const headers = new Headers(request.headers);
  if (token) headers.set("authorization", `Bearer ${token}`);
  // new Request(request, …) would read the request's signal, which makes Deno print a warning.
  return new Request(request.url, { method: request.method, headers, body: body === "" ? null : body ?? request.body });
}

/** The CORS headers of a hosted project's Auth. lite sends them only for REST. */
const FOR_EVERYBODY = { "access-control-allow-origin": "*" };

function answerPreflight({ headers }: Request): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...FOR_EVERYBODY,
      "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE",
      "access-control-allow-headers": headers.get("access-control-request-headers") ?? "",
    },
  });
}

/** Sign-in, sign-up and refresh return a session at the top level of a JSON body. */
async function withOuterToken(response: Response, tokens: TokenTranslator): Promise<Response> {
  const headers = new Headers({ ...Object.fromEntries(response.headers), ...FOR_EVERYBODY });
  if (!response.headers.get("content-type")?.includes("application/json")) {
    return new Response(response.body, { status: response.status, headers });
  }
  const body = await response.json();
  if (typeof body?.access_token === "string") {
    body.access_token = await tokens.outward(body.access_token, body.user ?? {});
  }
  headers.delete("content-length");
  return new Response(JSON.stringify(body), { status: response.status, headers });
}
