import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { DatabaseError } from "../../../functions/_shared/errors.ts";
import { serveWebhook } from "../../../functions/_shared/http/serve-webhook.ts";
import type { StripeEvent } from "../../../functions/_shared/rules/events.ts";
import type { EventAnswer } from "../../../functions/_shared/run/webhook.ts";
import { createLog } from "../../../functions/_shared/run/log.ts";

const SECRET = "whsec_0123456789abcdef";
const variables: Record<string, string> = {
  SUPABASE_URL: "https://project.supabase.test",
  SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
  STRIPE_SECRET_KEY: "sk_test_123",
  STRIPE_WEBHOOK_SECRET: SECRET,
};
const body = JSON.stringify({
  id: "evt_1",
  object: "event",
  type: "payment_intent.succeeded",
  livemode: false,
  data: { object: { id: "pi_1", object: "payment_intent", created: 1, metadata: {} } },
});

/** Posts to the webhook, which handles an accepted event with the given answer. */
async function post(
  {
    text = body,
    headers = signed(text),
    method = "POST",
    env = {},
    receive = () => Promise.resolve({ redeliver: false, code: "paid" }),
  }: {
    text?: string;
    headers?: Record<string, string>;
    method?: string;
    env?: Record<string, string>;
    receive?: () => Promise<EventAnswer>;
  } = {},
) {
  const received: StripeEvent[] = [];
  const lines: string[] = [];
  const serve = serveWebhook({
    readVariable: (name) => ({ ...variables, ...env })[name],
    receive: (event) => {
      received.push(event);
      return receive();
    },
    log: createLog({}, (line) => lines.push(line)),
    fetch: () => Promise.reject(new Error("Cannot call Stripe in this test")),
  });
  const init = { method, headers, ...(method === "POST" ? { body: text } : {}) };
  const response = await serve(new Request("https://project.supabase.test/functions/v1/lapse-webhook", init));
  return { status: response.status, answer: await response.text(), received: received.map(({ id }) => id), lines };
}

function signed(text: string): Record<string, string> {
  const at = Math.floor(Date.now() / 1_000);
  return { "stripe-signature": `t=${at},v1=${createHmac("sha256", SECRET).update(`${at}.${text}`).digest("hex")}` };
}

Deno.test("an event with Stripe's signature is accepted and answered with its result", async () => {
  const { status, answer, received } = await post();
  assert.deepEqual({ status, answer: JSON.parse(answer), received }, {
    status: 200,
    answer: { received: true, code: "paid" },
    received: ["evt_1"],
  });
});

Deno.test("an event that should come again is answered with 500", async () => {
  const { status, answer } = await post({ receive: () => Promise.resolve({ redeliver: true, code: "unknown" }) });
  assert.equal(status, 500);
  assert.equal(JSON.parse(answer).error.code, "unknown");
});

Deno.test("a request with a wrong signature, method, size or body is refused and not handled", async () => {
  const large = JSON.stringify({ padding: "x".repeat(500_000) });
  const cases: [number, Parameters<typeof post>[0]][] = [
    [401, { headers: {} }],
    [401, { headers: { "stripe-signature": "t=1,v1=0" } }],
    [401, { headers: signed("another") }],
    [405, { method: "GET", headers: {} }],
    [413, { text: large }],
    [413, { text: large, headers: { "stripe-signature": "t=1,v1=0" } }],
    [400, { text: "{}" }],
    [400, { text: "x" }],
  ];
  for (const [expected, options] of cases) {
    const { status, received } = await post(options);
    assert.deepEqual({ status, received }, { status: expected, received: [] }, JSON.stringify(options).slice(0, 80));
  }
});

Deno.test("a misconfiguration or failure is logged, and Stripe redelivers the event", async () => {
  const missing = await post({ env: { STRIPE_WEBHOOK_SECRET: "" } });
  assert.equal(missing.status, 500);
  assert.ok(!missing.answer.includes("STRIPE_WEBHOOK_SECRET"));
  assert.match(missing.lines.join(), /STRIPE_WEBHOOK_SECRET is not set/);

  const refused = new DatabaseError("Cannot call lapse_record_event: no such order", { code: "PT404" });
  const broken = await post({ receive: () => Promise.reject(refused) });
  assert.equal(broken.status, 500);
  assert.ok(!broken.answer.includes("order"));
  assert.match(broken.lines.join(), /no such order/);
});
