import type { Worker } from "./worker.ts";

const prefix = /^\/functions\/v1/;
const END_KNOWN_MS = 500;

/**
 * Hands a request to a function and its answer back, unread. The function sees the path as on the platform, with its
 * name and without `/functions/v1`. A caller that goes away is gone for the function too; what it gave to `waitUntil`
 * runs on.
 */
export async function forward(request: Request, worker: Worker): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = new Headers(request.headers);
  // fetch would unpack a compressed body and leave its length wrong.
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

/** The connection of a killed process may break a moment before its end is known; one that lives on is not waited for long. */
async function endOf({ gone }: Worker): Promise<Deno.CommandStatus | undefined> {
  const moment = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => moment.resolve(undefined), END_KNOWN_MS);
  const status = await Promise.race([gone, moment.promise]);
  clearTimeout(timer);
  return status;
}

/** The platform tells a worker it ended (546) from one that failed by itself (500). */
function workerError(error: unknown, status: Deno.CommandStatus | undefined): Response {
  if (status?.signal) {
    return Response.json({ code: "WORKER_LIMIT", message: "Function was ended by the host" }, { status: 546 });
  }
  const message = `Function exited due to an error: ${(error as Error).message}`;
  return Response.json({ code: "WORKER_ERROR", message }, { status: 500 });
}
