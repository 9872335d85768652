export type Call = { method: string; path: string; headers: Record<string, string>; body: string; at: number };

export type Callee = {
  url: string;
  calls: Call[];
  /** Calls to one path, by the part after the first slash. */
  to(path: string): Call[];
} & AsyncDisposable;

/**
 * An HTTP server on loopback that notes every call. `/slow/300` answers after 300 ms, `/status/503` with that status, `/redirect/307` sends
 * the caller on to `/target`, `/leave?to=URL` to another server, `/empty` has no body, `/nul` one with a NUL in it; everything else answers 200 with JSON.
 */
export function startCallee(): Callee {
  const calls: Call[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const [, kind, value] = pathname.split("/");
    const headers = Object.fromEntries(request.headers);
    calls.push({ method: request.method, path: pathname, headers, body: await request.text(), at: Date.now() });
    if (kind === "slow") await new Promise((resolve) => setTimeout(resolve, Number(value)));
    if (kind === "status") return new Response("no", { status: Number(value) });
    if (kind === "redirect") return new Response(null, { status: Number(value), headers: { location: "/target" } });
    if (kind === "leave") return new Response(null, { status: 302, headers: { location: searchParams.get("to")! } });
    if (kind === "empty") return new Response(null);
    if (kind === "nul") return new Response("before\0after");
    return Response.json({ ok: true });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    calls,
    to: (path) => calls.filter((call) => call.path === `/${path}`),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
