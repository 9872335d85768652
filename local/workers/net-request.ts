/** A row of `net.http_request_queue`. Headers without a value have been removed. */
export type NetRequest = {
  id: string;
  method: string;
  url: string;
  headers: Record<string, string> | null;
  body: Uint8Array | null;
  timeoutMs: number;
};

/** A row of `net._http_response`, without `created`. */
export type NetResponse = {
  id: string;
  status_code: number | null;
  content_type: string | null;
  headers: Record<string, string> | null;
  content: string | null;
  timed_out: boolean;
  error_msg: string | null;
};

/**
 * Sends a request as pg_net's libcurl does, and returns any result as a response; never throws. The timeout covers
 * everything up to the last byte, including `delayMs`, by which the answer is delayed.
 */
export async function sendRequest(
  request: NetRequest,
  options: { client?: Deno.HttpClient; signal: AbortSignal; delayMs?: number },
): Promise<NetResponse> {
  const started = performance.now();
  const timeout = AbortSignal.timeout(request.timeoutMs);
  const signal = AbortSignal.any([timeout, options.signal]);
  try {
    const url = new URL(request.url);
    if (!/^https?:$/.test(url.protocol)) throw new Error("Unsupported protocol");
    const response = await fetch(url, {
      method: request.method,
      headers: { ...request.headers, "user-agent": "pg_net/0.20.4" },
      body: request.body?.slice(),
      // As in the original: a redirected POST becomes a GET, and the caller's headers are sent to the new host as well.
      redirect: "follow",
      client: options.client,
      signal,
    });
    // pg_net reads the body as a C string, and PostgreSQL cannot store a NUL.
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

function describeError(error: unknown): string {
  // The message of `fetch` is always "fetch failed"; the cause tells more.
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
