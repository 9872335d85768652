import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { forward, isForwarded } from "./forward.ts";
import { readPage } from "./page.ts";

export type Served = { url: string; close(): Promise<void> };

/** The project behind the page. */
export type Upstream = { url: string; publishableKey: string };

/**
 * Serves the dashboard on 127.0.0.1 and forwards its REST, Auth and function calls to the project, so that the page
 * needs no other origin. It adds no credentials: the page has the publishable key, and its users sign in.
 *
 * @throws an error with the code EADDRINUSE if another program uses the port. Port 0 chooses a free one.
 */
export async function serveDashboard(upstream: Upstream, { port }: { port: number }): Promise<Served> {
  const page = await readPage();
  const config = JSON.stringify({ url: ".", publishableKey: upstream.publishableKey, project: upstream.url });
  page.set("/config.json", { body: new TextEncoder().encode(config), type: "application/json" });
  const server = createServer((incoming, outgoing) => {
    const { port } = server.address() as AddressInfo;
    answer(toRequest(incoming, port), { page, upstream, port }).catch(failed)
      .then((response) => send(response, outgoing))
      .catch((error) => outgoing.destroy(error));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { url, close: () => closeNow(server) };
}

/** A browser that shows the page keeps its connection open. After a moment it is cut. */
async function closeNow(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), 200);
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(timer);
}

function toRequest(incoming: IncomingMessage, port: number): Request {
  const { method = "GET", url = "/", rawHeaders } = incoming;
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at]!, rawHeaders[at + 1]!);
  const hasBody = method !== "GET" && method !== "HEAD";
  const body = hasBody ? Readable.toWeb(incoming) as ReadableStream : null;
  return new Request(
    new URL(url, `http://127.0.0.1:${port}`),
    { method, headers, body, duplex: "half" } as RequestInit,
  );
}

async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body) await pipeline(Readable.fromWeb(response.body as never), outgoing);
  else outgoing.end();
}

type Site = { page: Awaited<ReturnType<typeof readPage>>; upstream: Upstream; port: number };

async function answer(request: Request, { page, upstream, port }: Site): Promise<Response> {
  const refusal = refuseStrangers(request, port);
  if (refusal) return refusal;
  const { pathname } = new URL(request.url);
  if (isForwarded(pathname)) return await forward(request, upstream);
  if (request.method !== "GET" && request.method !== "HEAD") return said(405, "Only GET and HEAD");
  const file = page.get(pathname === "/" ? "/index.html" : pathname);
  if (!file) return said(404, "No such file");
  return new Response(request.method === "HEAD" ? null : file.body, {
    headers: { ...HEADERS, "content-type": file.type },
  });
}

/**
 * A web page on another site can make its visitor's browser call this server: through a host name of its own that
 * resolves to 127.0.0.1 (DNS rebinding), which the Host header reveals, or directly, which Origin and Sec-Fetch-Site
 * reveal.
 */
function refuseStrangers({ headers }: Request, port: number): Response | null {
  const own = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!own.includes(headers.get("host") ?? "")) {
    return said(421, "This server only answers to 127.0.0.1 and localhost");
  }
  const origin = headers.get("origin");
  const isForeign = origin !== null && !own.some((host) => origin === `http://${host}`);
  if (isForeign || headers.get("sec-fetch-site") === "cross-site") return said(403, "Not for pages of other sites");
  return null;
}

/** Allows only the page's own files and calls. No other page may frame it, and text cannot become markup. */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

function said(status: number, message: string): Response {
  return Response.json({ message }, { status, headers: HEADERS });
}

function failed(error: unknown): Response {
  console.error(`Cannot answer a request: ${error instanceof Error ? error.message : error}`);
  return said(500, "The dashboard's server failed; its terminal says why");
}
