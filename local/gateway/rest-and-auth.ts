import type { ProjectKeys } from "./keys.ts";
import { startLite } from "./lite.ts";
import { createTokenTranslator, type TokenTranslator } from "./tokens.ts";

export type RestAndAuth = { fetch(request: Request): Promise<Response>; close(): Promise<void> };

/** The handler of `/rest/v1` and `/auth/v1`: @supabase/lite, with a hosted project's tokens on the outside. */
export async function startRestAndAuth(
  dbUrl: string,
  options: { keys: ProjectKeys; apiUrl: string },
): Promise<RestAndAuth> {
  const lite = await startLite(dbUrl, options.keys);
  const tokens = createTokenTranslator(options.keys, { issuer: `${options.apiUrl}/auth/v1` });
  return {
    close: lite.close,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/auth/v1/.well-known/jwks.json") return Response.json(options.keys.jwks);
      const response = await lite.fetch(await withInnerToken(request, tokens));
      return pathname.startsWith("/auth/v1/") ? await withOuterToken(response, tokens) : response;
    },
  };
}

async function withInnerToken(request: Request, tokens: TokenTranslator): Promise<Request> {
  const [, token] = request.headers.get("authorization")?.match(/^Bearer\s+(\S+)$/i) ?? [];
  const inner = token && await tokens.inward(token);
  if (!inner) return request;
  const headers = new Headers(request.headers);
  headers.set("authorization", `Bearer ${inner}`);
  // Not new Request(request, …): that would read the request's signal, which makes Deno warn.
  return new Request(request.url, { method: request.method, headers, body: request.body });
}

/** Sign-in, sign-up and refresh answer with a session at the top of a JSON body. */
async function withOuterToken(response: Response, tokens: TokenTranslator): Promise<Response> {
  if (!response.headers.get("content-type")?.includes("application/json")) return response;
  const body = await response.json();
  if (typeof body?.access_token === "string") {
    body.access_token = await tokens.outward(body.access_token, body.user ?? {});
  }
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  return new Response(JSON.stringify(body), { status: response.status, headers });
}
