/**
 * Runs inside each function's process before the function. It provides what the Edge Runtime has and Deno lacks. It
 * imports nothing, so that only the function's own import map decides what the process loads.
 */

type Handler = (request: Request, info?: unknown) => Response | Promise<Response>;

/** The line on stdout that tells the host the port. No log line of a function begins like this. */
export const readyMark = "\u0001lapse-function-port ";

const serve = Deno.serve;

Object.assign(globalThis, {
  EdgeRuntime: {
    waitUntil(promise: Promise<unknown>) {
      // The process stays alive anyway. As in the Edge Runtime, a failed promise is logged and ends nothing.
      promise.catch((error) => console.error("Background task failed:", error));
      return promise;
    },
  },
});

// The runtime decides on which port a function listens, whatever the function asks for.
Deno.serve = ((...args: unknown[]) => {
  const handler = args.find((arg) => typeof arg === "function") as Handler | undefined ??
    (args[0] as { handler: Handler }).handler;
  return serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => console.log(`${readyMark}${port}`),
    onError(error) {
      console.error("Uncaught in handler:", error);
      return Response.json({ code: "WORKER_ERROR", message: "Function exited due to an error" }, { status: 500 });
    },
  }, handler as Deno.ServeHandler);
}) as typeof Deno.serve;

endWithHost();

/** Ends the process when its standard input ends: a host that was killed cannot stop its functions. */
async function endWithHost(): Promise<void> {
  await Deno.stdin.readable.pipeTo(new WritableStream());
  Deno.exit();
}

/** Serves a function written as `export default { fetch }`. One that calls Deno.serve itself has no such export. */
export function serveDefaultExport(module: { default?: { fetch?: Handler } }): void {
  const entry = module.default;
  if (typeof entry?.fetch === "function") Deno.serve((request) => entry.fetch!(request));
}
