/**
 * A function's answer. Browsers may read it from any page: operators call the jobs from a dashboard with their own token, and cookies
 * grant nothing here. `x-lapse-secret` is not among the allowed headers, because no browser holds it.
 */
export function answer(
  body: unknown,
  { status = 200, headers }: { status?: number; headers?: Record<string, string> } = {},
): Response {
  return Response.json(body, { status, headers: { ...FOR_EVERYBODY, ...headers } });
}

/** An error in the API's shape, with a code for programs and a message for people. */
export function refuse(
  status: number,
  code: string,
  message: string,
  { headers, ...more }: { headers?: Record<string, string>; issues?: unknown; runId?: string } = {},
): Response {
  return answer({ error: { code, message, ...more } }, { status, headers });
}

/** The answer to OPTIONS and to methods that the function does not have; null for the others. */
export function answerMethod(request: Request, methods: string[]): Response | null {
  if (methods.includes(request.method)) return null;
  const allow = methods.join(", ");
  if (request.method !== "OPTIONS") {
    return refuse(405, "method", `Cannot ${request.method} this function: it accepts ${allow}`, { headers: { allow } });
  }
  return new Response(null, {
    status: 204,
    headers: {
      ...FOR_EVERYBODY,
      "access-control-allow-methods": allow,
      // What supabase-js sends.
      "access-control-allow-headers":
        "authorization, apikey, content-type, x-client-info, x-region, x-retry-count, traceparent, tracestate, baggage",
      "access-control-max-age": "86400",
    },
  });
}

const FOR_EVERYBODY = { "access-control-allow-origin": "*", "cache-control": "no-store" };

/** The unchanged text of a body; null if it is longer. Reads no further than that, because a Content-Length header may be wrong. */
export async function readBounded(request: Request, maxBytes: number): Promise<string | null> {
  if (request.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > maxBytes) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
