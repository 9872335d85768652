/**
 * Runs inside each function's own process, before the function: provides what the edge runtime provides and Deno does
 * not. Imports nothing, so that the function's import map alone decides what the process loads.
 */

type Handler = (request: Request, info?: unknown) => Response | Promise<Response>;

/** The line on stdout by which the host learns the port; no log line of a function begins like this. */
export const readyMark = "\u0001lapse-function-port ";

const serve = Deno.serve;

Object.assign(globalThis, {
  EdgeRuntime: {
    waitUntil(promise: Promise<unknown>) {
      // The process lives on anyway; what is left to do is what the runtime does: a failure is logged, and kills
      // nothing.
      promise.catch((error) => console.error("Background task failed:", error));
      return promise;
    },
  },
});

// Whatever port a function asks for, the runtime decides where it listens.
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

/** A host that was killed cannot end its functions; they notice by the end of their standard input. */
async function endWithHost(): Promise<void> {
  await Deno.stdin.readable.pipeTo(new WritableStream());
  Deno.exit();
}

/** Serves a function written as `export default { fetch }`; one that called Deno.serve itself has no such export. */
export function serveDefaultExport(module: { default?: { fetch?: Handler } }): void {
  const entry = module.default;
  if (typeof entry?.fetch === "function") Deno.serve((request) => entry.fetch!(request));
}
