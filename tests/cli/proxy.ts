/** A proxy between a client and a server. It may answer itself, or change requests and responses. */
export type Tamper = {
  /** Answers instead of the server, or changes the headers it gets. */
  request?: (path: string, headers: Headers) => Response | undefined | void;
  response?: (path: string, headers: Headers) => void;
};

export type Proxy = { url: string; tamper: Tamper } & AsyncDisposable;

/** Passes everything on to `target` until a test tampers with it. */
export function startProxy(target: string): Proxy {
  const proxy = { url: "", tamper: {} as Tamper };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    headers.delete("host");
    const instead = proxy.tamper.request?.(pathname, headers);
    if (instead) {
      await request.body?.cancel();
      return instead;
    }
    const { method } = request;
    const body = method === "GET" || method === "HEAD" ? undefined : await request.arrayBuffer();
    const response = await fetch(`${target}${pathname}${search}`, { method, headers, body });
    const answered = new Headers(response.headers);
    for (const name of ["content-length", "content-encoding", "transfer-encoding"]) answered.delete(name);
    proxy.tamper.response?.(pathname, answered);
    return new Response(await response.arrayBuffer(), { status: response.status, headers: answered });
  });
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  });
}
