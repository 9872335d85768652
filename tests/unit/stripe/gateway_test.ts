import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createStripeGateway, type StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import type { CallFailure } from "../../../functions/_shared/stripe/reply.ts";
import { at, DAY, intent, NOW, seconds, session } from "./builders.ts";

const KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc";
const PI = { id: "pi_1", account: null };
const CS = { id: "cs_1", account: null };

type Seen = { method: string; url: string; headers: IncomingMessage["headers"]; body: string };
type Answer = (response: ServerResponse) => void;

const json = (status: number, body: unknown, headers: Record<string, string> = {}): Answer => (response) =>
  response.writeHead(status, { "request-id": "req_9", ...headers }).end(JSON.stringify(body));
const error = (status: number, fields: Record<string, unknown>, headers = {}) =>
  json(status, { error: { type: "invalid_request_error", message: `about ${KEY}`, ...fields } }, headers);

Deno.test("the gateway sends no telemetry, not even with the second request", async () => {
  await withServer([json(200, intent()), json(200, intent())], async (gateway, seen) => {
    await gateway.readIntent(PI);
    await gateway.readIntent(PI);
    assert.deepEqual(seen.map(({ headers }) => headers["x-stripe-client-telemetry"]), [undefined, undefined]);
  });
});

Deno.test("the gateway pins the version and reads one intent in one request", async () => {
  await withServer([json(200, intent())], async (gateway, seen) => {
    const reply = await gateway.readIntent(PI);
    assert.deepEqual(reply, { ok: true, object: intent(), requestId: "req_9" });
    assert.equal(seen.length, 1);
    assert.equal(`${seen[0]?.method} ${seen[0]?.url}`, "GET /v1/payment_intents/pi_1");
    assert.equal(seen[0]?.headers["stripe-version"], "2026-10-28.endive");
    assert.equal(seen[0]?.headers["stripe-account"], undefined);
  });
});

Deno.test("a call names the connected account it is for", async () => {
  await withServer([json(200, intent())], async (gateway, seen) => {
    await gateway.readIntent({ id: "pi_1", account: "acct_7" });
    assert.equal(seen[0]?.headers["stripe-account"], "acct_7");
  });
});

Deno.test("a cancel says abandoned and carries the caller's key", async () => {
  await withServer([json(200, intent({ status: "canceled" }))], async (gateway, seen) => {
    const reply = await gateway.cancelIntent(PI, { idempotencyKey: "lapse:pi_1:3" });
    assert.ok(reply.ok);
    assert.equal(`${seen[0]?.method} ${seen[0]?.url}`, "POST /v1/payment_intents/pi_1/cancel");
    assert.equal(seen[0]?.body, "cancellation_reason=abandoned");
    assert.equal(seen[0]?.headers["idempotency-key"], "lapse:pi_1:3");
  });
});

Deno.test("a session is read with its intent, and expired with the caller's key", async () => {
  const expired = session({ status: "expired", payment_intent: intent({ status: "canceled" }) });
  await withServer([json(200, session()), json(200, expired)], async (gateway, seen) => {
    await gateway.readSession(CS);
    const reply = await gateway.expireSession(CS, { idempotencyKey: "lapse:cs_1:3" });
    assert.deepEqual(reply.ok && reply.object, expired);
    assert.equal(decodeURI(seen[0]?.url ?? ""), "/v1/checkout/sessions/cs_1?expand[0]=payment_intent");
    assert.equal(seen[1]?.url, "/v1/checkout/sessions/cs_1/expire");
    assert.equal(seen[1]?.headers["idempotency-key"], "lapse:cs_1:3");
  });
});

Deno.test("the sessions of an intent are found by its id", async () => {
  await withServer([json(200, { object: "list", data: [session()], has_more: false })], async (gateway, seen) => {
    const reply = await gateway.sessionsOfIntent(PI);
    assert.deepEqual(reply.ok && reply.object, [session()]);
    assert.match(seen[0]?.url ?? "", /payment_intent=pi_1/);
  });
});

Deno.test("a list asks for its slice only and names the rows it cannot read", async () => {
  const page = { object: "list", data: [intent(), { id: "pi_odd", object: "payment_intent" }], has_more: true };
  await withServer([json(200, page)], async (gateway, seen) => {
    const slice = { createdGte: at(-DAY), createdLt: NOW, startingAfter: "pi_0", limit: 100, account: null };
    const reply = await gateway.listIntents(slice);
    assert.deepEqual(reply.ok && reply.object, {
      intents: [intent()],
      malformed: ["pi_odd"],
      hasMore: true,
      lastId: "pi_odd",
    });
    const query = new URL(seen[0]?.url ?? "", "http://x").searchParams;
    assert.deepEqual(Object.fromEntries(query), {
      "created[gte]": String(seconds(at(-DAY))),
      "created[lt]": String(seconds(NOW)),
      limit: "100",
      starting_after: "pi_0",
    });
  });
});

/** 3.2: what the server does, and what the caller gets. One request each: nothing is retried here. */
const failures: [string, Answer, Partial<CallFailure<unknown>>][] = [
  [
    "a refusal with the intent",
    error(400, { code: "payment_intent_unexpected_state", payment_intent: intent({ status: "succeeded" }) }),
    {
      kind: "refused",
      httpStatus: 400,
      errorCode: "payment_intent_unexpected_state",
      object: intent({ status: "succeeded" }),
    },
  ],
  [
    "a refusal with another intent counts as without",
    error(400, { payment_intent: intent({ id: "pi_2" }) }),
    { kind: "refused", object: null },
  ],
  [
    "a refusal in Checkout's name",
    error(400, { message: "You cannot perform this action on PaymentIntents created by Checkout. Try expiring …" }),
    { kind: "refused", httpStatus: 400, errorCode: null, ownedByCheckout: true },
  ],
  [
    "400 idempotency_error",
    error(400, { type: "idempotency_error" }),
    { kind: "refused", httpStatus: 400, errorType: "idempotency_error" },
  ],
  [
    "409 key in use",
    error(409, { type: "idempotency_error", code: "idempotency_key_in_use" }),
    { kind: "refused", httpStatus: 409, errorCode: "idempotency_key_in_use" },
  ],
  [
    "429 with a rate reason",
    error(429, { code: "rate_limit" }, { "stripe-rate-limited-reason": "endpoint-rate" }),
    { kind: "refused", httpStatus: 429, rateLimitedReason: "endpoint-rate" },
  ],
  [
    "429 lock_timeout, although Stripe says should-retry",
    error(429, { code: "lock_timeout" }, { "stripe-should-retry": "true" }),
    { kind: "refused", httpStatus: 429, errorCode: "lock_timeout", rateLimitedReason: null },
  ],
  ["500", error(500, { type: "api_error" }), { kind: "refused", httpStatus: 500 }],
  ["500 without an error key is no success", json(500, {}), { kind: "refused", httpStatus: 500, requestId: "req_9" }],
  ["502 with a page of HTML", (response) => response.writeHead(502).end("<html>"), { kind: "bad_reply" }],
  ["200 with null", json(200, null), { kind: "bad_reply" }],
  ["200 with a field missing", json(200, { ...intent(), amount_received: undefined }), { kind: "bad_reply" }],
  ["200 about another intent", json(200, intent({ id: "pi_2" })), { kind: "bad_reply", requestId: "req_9" }],
  ["a reset", (response) => void response.socket?.resetAndDestroy(), { kind: "connection_lost" }],
  [
    "a cut body",
    (response) => {
      response.writeHead(200, { "content-length": "500" }).write("{");
      setTimeout(() => response.socket?.destroy(), 20);
    },
    { kind: "connection_lost" },
  ],
  ["no answer", () => {}, { kind: "timeout" }],
  ["half an answer", (response) => void response.writeHead(200).write("{"), { kind: "timeout" }],
  ["401", error(401, {}), { kind: "refused", httpStatus: 401 }],
  ["403", error(403, {}), { kind: "refused", httpStatus: 403 }],
  ["404", error(404, { code: "resource_missing" }), {
    kind: "refused",
    httpStatus: 404,
    errorCode: "resource_missing",
  }],
];

for (const [name, answer, expected] of failures) {
  Deno.test(`a failure comes back as a value after one request, without the key: ${name}`, async () => {
    await withServer([answer], async (gateway, seen) => {
      const reply = await gateway.cancelIntent(PI, { idempotencyKey: "k" });
      assert.ok(!reply.ok);
      assert.deepEqual({ ...reply.failure, ...expected }, reply.failure);
      assert.doesNotMatch(JSON.stringify(reply.failure), /sk_test/);
      assert.equal(seen.length, 1);
    });
  });
}

Deno.test("a refused connection comes back as a value", async () => {
  const gateway = createStripeGateway({ secretKey: KEY, fetch, apiBase: await unusedOrigin() });
  const reply = await gateway.readIntent(PI);
  assert.equal(reply.ok ? null : reply.failure.kind, "connection_lost");
});

Deno.test("the mode comes from the key", () => {
  for (
    const [secretKey, livemode] of [["sk_live_1", true], ["rk_live_1", true], ["sk_test_1", false], [
      "rk_test_1",
      false,
    ]] as const
  ) {
    assert.equal(createStripeGateway({ secretKey, fetch }).livemode, livemode);
  }
});

Deno.test("a key that is none is refused without being quoted", () => {
  for (const secretKey of ["pk_live_123", "whsec_123", ""]) {
    assert.throws(() => createStripeGateway({ secretKey, fetch }), (thrown: Error) => {
      assert.match(thrown.message, /^Cannot read the mode of the Stripe key/);
      return !thrown.message.includes("123");
    });
  }
});

Deno.test("an API base that is no origin is refused, without its password", () => {
  for (const apiBase of ["ftp://x", "http://x/v1", "nonsense", "http://user:pass@x"]) {
    assert.throws(() => createStripeGateway({ secretKey: KEY, fetch, apiBase }), (thrown: Error) => {
      assert.match(thrown.message, /^Cannot use the Stripe API base as an origin: current value is /);
      return !thrown.message.includes("pass@");
    });
  }
});

async function withServer(
  answers: Answer[],
  test: (gateway: StripeGateway, seen: Seen[]) => Promise<void>,
): Promise<void> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
    // A request too many finds no answer and runs into the timeout.
    answers[seen.length - 1]?.(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A client of its own per test: no connection is reused, and none outlives the test.
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const gateway = createStripeGateway({
    secretKey: KEY,
    fetch: (input, init) => fetch(input, { ...init, client }),
    apiBase: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    timeoutMs: 500,
  });
  try {
    await test(gateway, seen);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function unusedOrigin(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
