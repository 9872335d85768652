/** One origin for REST, Auth and functions, as in a hosted project. */
export type Gateway = { apiUrl: string; close(): Promise<void> };

/** The handlers by path prefix. */
export type Routes = {
  /** Below `/rest/v1/` and `/auth/v1/`. */
  rest: (request: Request) => Promise<Response> | Response;
  /** Below `/functions/v1/<name>`. */
  functions: (request: Request, name: string) => Promise<Response> | Response;
};

/**
 * Opens the gateway before its parts are started, because they need its address. `routes` may be filled in later; until
 * then callers get 503.
 */
export function startGateway(routes: Partial<Routes>, options: { port?: number } = {}): Gateway {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: options.port ?? 0, onListen: () => {}, onError: internalError },
    (request) => route(request, routes),
  );
  return { apiUrl: `http://127.0.0.1:${server.addr.port}`, close: () => closeNow(server) };
}

function route(request: Request, routes: Partial<Routes>): Promise<Response> | Response {
  const [, area, version, name] = new URL(request.url).pathname.split("/");
  if (version === "v1" && (area === "rest" || area === "auth")) return routes.rest?.(request) ?? notReady();
  if (version === "v1" && area === "functions" && name) return routes.functions?.(request, name) ?? notReady();
  return Response.json({ message: "no Route matched with those values" }, { status: 404 });
}

function notReady(): Response {
  return Response.json({ message: "The local stack is still starting" }, { status: 503 });
}

function internalError(error: unknown): Response {
  console.error("Cannot answer a request at the gateway:", error);
  return Response.json({ message: "An unexpected error occurred" }, { status: 500 });
}

/** Idle keep-alive connections would delay a graceful shutdown, so they are closed after a moment. */
async function closeNow(server: Deno.HttpServer): Promise<void> {
  const done = server.shutdown();
  const moment = Promise.withResolvers<void>();
  const timer = setTimeout(moment.resolve, 200);
  await Promise.race([done, moment.promise]);
  clearTimeout(timer);
}
