/** A proxy between the functions and the project's API that counts calls to the database. */
export type CountingProxy = {
  url: string;
  /** Where requests go; set as soon as it is known. */
  forwardTo(apiUrl: string): void;
  /** Calls of database functions since the last reset, by name. */
  calls: Map<string, number>;
} & AsyncDisposable;

export function startCountingProxy(): CountingProxy {
  const calls = new Map<string, number>();
  let target = "";
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname, search } = new URL(request.url);
    const name = pathname.split("/").at(-1)!;
    calls.set(name, (calls.get(name) ?? 0) + 1);
    const headers = new Headers(request.headers);
    headers.set("accept-encoding", "identity");
    const body = request.body === null ? undefined : await request.arrayBuffer();
    return await fetch(`${target}${pathname}${search}`, { method: request.method, headers, body });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    forwardTo: (apiUrl) => void (target = apiUrl),
    calls,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
