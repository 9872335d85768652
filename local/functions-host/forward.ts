import type { Worker } from "./worker.ts";

const prefix = /^\/functions\/v1/;
const END_KNOWN_MS = 500;

/**
 * Forwards a request to a function and returns its answer, both unchanged. The function sees the same path as on the
 * platform: with its name, without `/functions/v1`. If the caller disconnects, the function notices; work passed to
 * `waitUntil` continues.
 */
export async function forward(request: Request, worker: Worker): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = new Headers(request.headers);
  // fetch would decompress the body, and the content-length header would then be wrong.
  headers.set("accept-encoding", "identity");
  try {
    return await fetch(`http://127.0.0.1:${worker.port}${pathname.replace(prefix, "")}${search}`, {
      method: request.method,
      headers,
      body: request.body,
      redirect: "manual",
      signal: request.signal,
    });
  } catch (error) {
    if (request.signal.aborted) return new Response(null, { status: 499 });
    return workerError(error, await endOf(worker));
  }
}

/**
 * A killed process may close the connection shortly before its end is noticed. If it is still alive, this does not wait
 * long.
 */
async function endOf({ gone }: Worker): Promise<Deno.CommandStatus | undefined> {
  const moment = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => moment.resolve(undefined), END_KNOWN_MS);
  const status = await Promise.race([gone, moment.promise]);
  clearTimeout(timer);
  return status;
}

/** The platform answers 546 when it ended the worker, and 500 when the worker failed by itself. */
function workerError(error: unknown, status: Deno.CommandStatus | undefined): Response {
  if (status?.signal) {
    return Response.json({ code: "WORKER_LIMIT", message: "Function was ended by the host" }, { status: 546 });
  }
  const message = `Function exited due to an error: ${(error as Error).message}`;
  return Response.json({ code: "WORKER_ERROR", message }, { status: 500 });
}
