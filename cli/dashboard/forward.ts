import type { Upstream } from "./serve.ts";

/** A dry run answers within a minute. */
const TIMEOUT_MS = 180_000;
const MOST_BYTES = 100_000;

/** The headers that supabase-js sends. Cookies and other headers of the browser are not forwarded. */
const SENT = [
  "accept",
  "accept-profile",
  "apikey",
  "authorization",
  "content-profile",
  "content-type",
  "prefer",
  "range",
  "range-unit",
  "x-client-info",
  "x-supabase-api-version",
];
/** The project's CORS headers and cookies are meant for another origin. */
const RETURNED = ["content-type", "content-range", "preference-applied", "retry-after", "x-supabase-api-version"];

/** Only REST, Auth and functions. An encoded slash is refused, because the project might read the path differently. */
export function isForwarded(pathname: string): boolean {
  return /^\/(rest|auth|functions)\/v1\//.test(pathname) && !/%(2f|5c|2e|00)/i.test(pathname);
}

/** Forwards a request to the project, and returns its answer. */
export async function forward(request: Request, { url }: Upstream): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = only(SENT, request.headers);
  if (Number(request.headers.get("content-length") ?? 0) > MOST_BYTES) return said(413, "The request is too large");
  const hasBody = request.method !== "GET" && request.method !== "HEAD";
  const body = hasBody ? await request.arrayBuffer() : undefined;
  if (body && body.byteLength > MOST_BYTES) return said(413, "The request is too large");
  try {
    const response = await fetch(url + pathname + search, {
      method: request.method,
      headers,
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answered = only(RETURNED, response.headers);
    answered.set("cache-control", "no-store");
    return new Response(response.body, { status: response.status, headers: answered });
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0] : error;
    console.error(`Cannot reach ${url}: ${why}`);
    return said(502, `Cannot reach ${url}. Is the project paused?`);
  }
}

function only(names: string[], headers: Headers): Headers {
  return new Headers([...headers].filter(([name]) => names.includes(name)));
}

function said(status: number, message: string): Response {
  return Response.json({ message }, { status, headers: { "cache-control": "no-store" } });
}
