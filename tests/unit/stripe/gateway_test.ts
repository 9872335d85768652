import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigurationError } from "../../../functions/_shared/errors.ts";
import { clockFrom } from "../../../functions/_shared/run/clock.ts";
import { openStripe, type OpenStripeOptions, type StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import type { Outcome } from "../../../functions/_shared/stripe/outcome.ts";
import { at, DAY, intent, NOW, seconds, session } from "../rules/builders.ts";

const KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc";
const PI = { id: "pi_1", account: "" };
const CS = { id: "cs_1", account: "" };

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
    // On a busy machine an answer may come too late, and the read is repeated.
    assert.ok(seen.length >= 2);
    for (const { headers } of seen) assert.equal(headers["x-stripe-client-telemetry"], undefined);
  });
});

Deno.test("the gateway pins the version and reads one intent in one request", async () => {
  await withServer([json(200, intent())], async (gateway, seen) => {
    const outcome = await gateway.readIntent(PI);
    assert.deepEqual(outcome, {
      kind: "object",
      object: intent(),
      trace: { requestId: "req_9", httpStatus: null, errorCode: null },
    });
    assert.equal(seen.length, 1);
    assert.equal(
      `${seen[0]?.method} ${decodeURI(seen[0]?.url ?? "")}`,
      "GET /v1/payment_intents/pi_1?expand[0]=latest_charge",
    );
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
    assert.equal((await gateway.cancelIntent(PI, { idempotencyKey: "lapse:pi_1:3" })).kind, "object");
    assert.equal(`${seen[0]?.method} ${seen[0]?.url}`, "POST /v1/payment_intents/pi_1/cancel");
    assert.equal(seen[0]?.body, "cancellation_reason=abandoned");
    assert.equal(seen[0]?.headers["idempotency-key"], "lapse:pi_1:3");
  });
});

Deno.test("a session is read with its intent, and expired with the caller's key", async () => {
  const expired = session({ status: "expired", payment_intent: intent({ status: "canceled" }) });
  await withServer([json(200, session()), json(200, expired)], async (gateway, seen) => {
    await gateway.readSession(CS);
    assert.deepEqual(objectOf(await gateway.expireSession(CS, { idempotencyKey: "lapse:cs_1:3" })), expired);
    assert.equal(decodeURI(seen[0]?.url ?? ""), "/v1/checkout/sessions/cs_1?expand[0]=payment_intent.latest_charge");
    assert.equal(seen[1]?.url, "/v1/checkout/sessions/cs_1/expire");
    assert.equal(seen[1]?.headers["idempotency-key"], "lapse:cs_1:3");
  });
});

Deno.test("the sessions of an intent are found by its id", async () => {
  await withServer([json(200, { object: "list", data: [session()], has_more: false })], async (gateway, seen) => {
    assert.deepEqual(objectOf(await gateway.sessionsOfIntent(PI)), [session()]);
    assert.match(seen[0]?.url ?? "", /payment_intent=pi_1/);
  });
});

Deno.test("a list asks only for its window, and returns its unreadable rows and Stripe's time", async () => {
  const page = {
    object: "list",
    data: [intent(), session({ client_reference_id: "o1", created: seconds(NOW) }), { id: "pi_odd" }],
    has_more: true,
  };
  const date = { date: "Sun, 22 Nov 2026 12:00:07 GMT" };
  for (const list of ["listIntents", "listSessions"] as const) {
    await withServer([json(200, page, date)], async (gateway, seen) => {
      const window = { account: "acct_7", from: at(-DAY), to: NOW, startingAfter: "pi_0" };
      const found = objectOf(await gateway[list](window));
      assert.deepEqual(found.payments.map(({ id, metadata }) => [id, metadata.order_id]), [["pi_1", "o1"]]);
      assert.deepEqual([found.unreadable, found.hasMore, found.lastId], [["cs_1", "pi_odd"], true, "pi_odd"]);
      assert.deepEqual(found.answeredAt, at(7_000));
      const url = new URL(seen[0]?.url ?? "", "http://x");
      assert.equal(url.pathname, list === "listIntents" ? "/v1/payment_intents" : "/v1/checkout/sessions");
      assert.deepEqual(Object.fromEntries(url.searchParams), {
        "created[gte]": String(seconds(at(-DAY))),
        "created[lt]": String(seconds(NOW)),
        limit: "100",
        starting_after: "pi_0",
      });
      assert.equal(seen[0]?.headers["stripe-account"], "acct_7");
    });
  }
});

Deno.test("a listed session also names its order by its client_reference_id", async () => {
  const listed = { id: "cs_1", created: 1, livemode: true, status: "open", metadata: null, client_reference_id: "o1" };
  await withServer([json(200, { data: [listed], has_more: false })], async (gateway) => {
    const { payments, lastId } = objectOf(
      await gateway.listSessions({ account: "", from: at(0), to: NOW, startingAfter: null }),
    );
    assert.deepEqual([payments, lastId], [[{ ...listed, metadata: {} }], "cs_1"]);
  });
});

/** 3.2: what the server does, and what the caller gets. One request each: nothing is retried here. */
const failures: [string, Answer, Record<string, unknown>][] = [
  [
    "a refusal with the intent",
    error(400, { code: "payment_intent_unexpected_state", payment_intent: intent({ status: "succeeded" }) }),
    { kind: "refused", byCheckout: false, object: intent({ status: "succeeded" }) },
  ],
  [
    "a refusal with another intent counts as without",
    error(400, { payment_intent: intent({ id: "pi_2" }) }),
    { kind: "refused", object: null },
  ],
  [
    "a refusal in Checkout's name",
    error(400, { message: "You cannot perform this action on PaymentIntents created by Checkout. Try expiring …" }),
    { kind: "refused", byCheckout: true },
  ],
  [
    "400 idempotency_error",
    error(400, { type: "idempotency_error" }),
    { kind: "quarantine", why: "idempotency_mismatch" },
  ],
  [
    "409 key in use",
    error(409, { type: "idempotency_error", code: "idempotency_key_in_use" }),
    { kind: "unknown", why: "call_in_progress" },
  ],
  [
    "429 with a rate reason",
    error(429, { code: "rate_limit" }, { "stripe-rate-limited-reason": "endpoint-rate" }),
    { kind: "throttled", limit: "rate" },
  ],
  [
    "429 lock_timeout, although Stripe says should-retry",
    error(429, { code: "lock_timeout" }, { "stripe-should-retry": "true" }),
    { kind: "busy" },
  ],
  ["500", error(500, { type: "api_error" }), { kind: "unknown", why: "server_error" }],
  ["500 without an error key is no success", json(500, {}), { kind: "unknown", why: "server_error" }],
  ["502 with a page of HTML", (response) => response.writeHead(502).end("<html>"), {
    kind: "unknown",
    why: "bad_reply",
  }],
  ["200 with null", json(200, null), { kind: "unknown", why: "bad_reply" }],
  ["200 with a field missing", json(200, { ...intent(), amount_received: undefined }), {
    kind: "unknown",
    why: "bad_reply",
  }],
  ["200 about another intent", json(200, intent({ id: "pi_2" })), { kind: "unknown", why: "bad_reply" }],
  ["a reset", (response) => void response.socket?.resetAndDestroy(), { kind: "unknown", why: "connection_lost" }],
  [
    "a cut body",
    (response) => {
      response.writeHead(200, { "content-length": "500" }).write("{");
      setTimeout(() => response.socket?.destroy(), 20);
    },
    { kind: "unknown", why: "connection_lost" },
  ],
  ["no answer", () => {}, { kind: "unknown", why: "timeout" }],
  ["half an answer", (response) => void response.writeHead(200).write("{"), { kind: "unknown", why: "timeout" }],
  ["429 for concurrency", error(429, {}, { "stripe-rate-limited-reason": "global-concurrency" }), {
    kind: "throttled",
    limit: "concurrency",
  }],
  ["401", error(401, {}), { kind: "stop", why: "key_rejected" }],
  ["403", error(403, {}), { kind: "stop", why: "permission_denied" }],
  ["404", error(404, { code: "resource_missing" }), { kind: "quarantine", why: "payment_not_found" }],
];

for (const [name, answer, expected] of failures) {
  Deno.test(`a failed write comes back as a value after one request, without the key: ${name}`, async () => {
    await withServer([answer], async (gateway, seen) => {
      const outcome = await gateway.cancelIntent(PI, { idempotencyKey: "k" });
      assert.deepEqual({ ...outcome, ...expected }, outcome);
      assert.doesNotMatch(JSON.stringify(outcome), /sk_test/);
      assert.equal(seen.length, 1);
    });
  });
}

Deno.test("a refused connection comes back as a value", async () => {
  const gateway = openStripe({ ...options(), apiBase: await unusedOrigin() });
  const outcome = await gateway.cancelIntent(PI, { idempotencyKey: "k" });
  assert.equal(outcome.kind === "unknown" && outcome.why, "connection_lost");
});

Deno.test("the mode comes from the key", () => {
  const modes = { sk_live_1: true, rk_live_1: true, sk_test_1: false, rk_test_1: false };
  for (const [secretKey, livemode] of Object.entries(modes)) {
    assert.equal(openStripe({ ...options(), secretKey }).livemode, livemode);
  }
});

Deno.test("an invalid key is refused without being quoted", () => {
  for (const secretKey of ["pk_live_123", "whsec_123", ""]) {
    assert.throws(() => openStripe({ ...options(), secretKey }), (thrown) => {
      assert.ok(thrown instanceof ConfigurationError);
      assert.match(thrown.message, /^Cannot read the mode of the Stripe key/);
      return !thrown.message.includes("123");
    });
  }
});

Deno.test("an API base that is not an origin is refused without quoting its password", () => {
  for (const apiBase of ["ftp://x", "http://x/v1", "nonsense", "http://user:pass@x"]) {
    assert.throws(() => openStripe({ ...options(), apiBase }), (thrown) => {
      assert.ok(thrown instanceof ConfigurationError);
      assert.match(thrown.message, /^Cannot use .* as Stripe's API base/);
      return !thrown.message.includes("pass@");
    });
  }
});

function objectOf<T>(outcome: Outcome<T>): T {
  assert.equal(outcome.kind, "object");
  return (outcome as Extract<Outcome<T>, { kind: "object" }>).object;
}

function options(): OpenStripeOptions {
  return {
    secretKey: KEY,
    fetch,
    clock: clockFrom(NOW),
    deadline: at(60_000),
    paymentsPerSecond: 100,
    statistics: { calls: 0, throttled: 0, callsByEndpoint: {} },
    firstPauseMs: 1,
  };
}

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
  const gateway = openStripe({
    ...options(),
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
