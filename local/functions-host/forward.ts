import type { Worker } from "./worker.ts";

const prefix = /^\/functions\/v1/;

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
    return workerError(error, await Promise.race([worker.gone, undefined]));
  }
}

/** The platform tells a worker it ended (546) from one that failed by itself (500). */
function workerError(error: unknown, status: Deno.CommandStatus | undefined): Response {
  if (status?.signal) {
    return Response.json({ code: "WORKER_LIMIT", message: "Function was ended by the host" }, { status: 546 });
  }
  const message = `Function exited due to an error: ${(error as Error).message}`;
  return Response.json({ code: "WORKER_ERROR", message }, { status: 500 });
}
