/** One row of `net.http_request_queue`; headers whose value is null are gone already. */
export type NetRequest = {
  id: string;
  method: string;
  url: string;
  headers: Record<string, string> | null;
  body: Uint8Array | null;
  timeoutMs: number;
};

/** One row of `net._http_response`, but for `created`. */
export type NetResponse = {
  id: string;
  status_code: number | null;
  content_type: string | null;
  headers: Record<string, string> | null;
  content: string | null;
  timed_out: boolean;
  error_msg: string | null;
};

/** curl's default. */
const maxRedirects = 30;

/**
 * Sends a request as pg_net's libcurl does and reports whatever happened as a response; never throws. The timeout covers everything up to
 * the last byte, and `delayMs` too, which is how long the answer stays on its way.
 */
export async function sendRequest(
  request: NetRequest,
  options: { client?: Deno.HttpClient; signal: AbortSignal; delayMs?: number },
): Promise<NetResponse> {
  const started = performance.now();
  const timeout = AbortSignal.timeout(request.timeoutMs);
  const signal = AbortSignal.any([timeout, options.signal]);
  try {
    const response = await followRedirects(request, { client: options.client, signal });
    // pg_net reads the body as a C string; PostgreSQL could not store a NUL anyway.
    const [content] = (await response.text()).split("\0", 1);
    if (options.delayMs) await sleep(options.delayMs, signal);
    return {
      id: request.id,
      status_code: response.status,
      content_type: response.headers.get("content-type"),
      headers: Object.fromEntries(response.headers),
      content: content || null,
      timed_out: false,
      error_msg: null,
    };
  } catch (error) {
    const error_msg = timeout.aborted
      ? `Timeout of ${request.timeoutMs} ms reached. Total time: ${(performance.now() - started).toFixed(6)} ms`
      : describeError(error);
    const nothing = { status_code: null, content_type: null, headers: null, content: null };
    return { id: request.id, ...nothing, timed_out: timeout.aborted, error_msg };
  }
}

/**
 * By hand, because `fetch` drops what curl keeps: the caller's headers go along, `content-type` included, when a POST turns into a GET.
 * Only `authorization` and `cookie` stay behind when the host changes; a secret in a header of its own does not.
 */
async function followRedirects(
  request: NetRequest,
  { client, signal }: { client?: Deno.HttpClient; signal: AbortSignal },
): Promise<Response> {
  const headers = new Headers({ ...request.headers, "user-agent": "pg_net/0.20.4" });
  let url = new URL(request.url);
  let method = request.method.toUpperCase();
  let body = method === "GET" ? undefined : request.body?.slice();
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    if (!/^https?:$/.test(url.protocol)) throw new Error("Unsupported protocol");
    const response = await fetch(url, { method, headers, body, redirect: "manual", signal, client });
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) return response;
    await response.body?.cancel();
    const next = new URL(location, url);
    if (next.origin !== url.origin) ["authorization", "cookie"].forEach((name) => headers.delete(name));
    url = next;
    if (method === "POST" && response.status <= 303) [method, body] = ["GET", undefined];
  }
  throw new Error("Number of redirects hit maximum amount");
}

function describeError(error: unknown): string {
  // What `fetch` says is always "fetch failed".
  const reason = error instanceof TypeError && error.cause || error;
  const message = reason instanceof Error ? reason.message : String(reason);
  if (/connection refused/i.test(message)) return "Could not connect to server";
  if (/dns error|failed to lookup/i.test(message)) return "Could not resolve hostname";
  return message;
}

/** Rejects as soon as the signal is aborted. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", aborted);
    function done() {
      signal.removeEventListener("abort", aborted);
      resolve();
    }
    function aborted() {
      clearTimeout(timer);
      reject(signal.reason);
    }
  });
}
