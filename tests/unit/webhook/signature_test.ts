import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { parseWebhookSecrets } from "../../../functions/_shared/environment.ts";
import { createVerifier } from "../../../functions/_shared/stripe/events.ts";

const SECRET = "whsec_0123456789abcdef";
const NOW = Date.parse("2026-11-29T12:00:00Z");
const seconds = NOW / 1_000;

const intent = {
  id: "pi_1",
  object: "payment_intent",
  created: seconds - 60,
  status: "succeeded",
  metadata: { order_id: "o1" },
};
const snapshot = {
  id: "evt_1",
  object: "event",
  type: "payment_intent.succeeded",
  created: seconds,
  livemode: true,
  data: { object: intent },
};
const thin = {
  id: "evt_2",
  object: "v2.core.event",
  type: "v1.checkout.session.completed",
  created: "2026-11-29T12:00:00.000Z",
  livemode: false,
  related_object: { id: "cs_1", type: "checkout.session", url: "/v1/checkout/sessions/cs_1" },
};

function sign(body: string, { secret = SECRET, at = seconds } = {}): string {
  return `t=${at},v1=${createHmac("sha256", secret).update(`${at}.${body}`).digest("hex")}`;
}

function verify(
  event: unknown,
  { secrets = [SECRET], ...signed }: { secrets?: string[]; secret?: string; at?: number } = {},
) {
  const body = typeof event === "string" ? event : JSON.stringify(event);
  return createVerifier(secrets, () => NOW)(body, sign(body, signed));
}

Deno.test("a snapshot names its payment and the payment's order", async () => {
  const { event } = await verify(snapshot);
  assert.deepEqual(event, {
    id: "evt_1",
    type: "payment_intent.succeeded",
    livemode: true,
    account: "",
    payment: {
      id: "pi_1",
      through: null,
      createdAt: new Date(NOW - 60_000),
      marks: { metadata: { order_id: "o1" }, client_reference_id: undefined },
    },
  });
});

Deno.test("a thin event names its payment alone, under the same type", async () => {
  const { event } = await verify(thin);
  assert.deepEqual(event, {
    id: "evt_2",
    type: "checkout.session.completed",
    livemode: false,
    account: "",
    payment: { id: "cs_1", through: null, createdAt: new Date(NOW), marks: null },
  });
});

Deno.test("an event of a connected account names it, in both shapes, and behind an organisation", async () => {
  assert.equal((await verify({ ...snapshot, account: "acct_1" })).event?.account, "acct_1");
  assert.equal((await verify({ ...thin, context: "acct_1" })).event?.account, "acct_1");
  assert.equal((await verify({ ...thin, context: "org_1/acct_1" })).event?.account, "acct_1");
});

Deno.test("an event about something else names no payment", async () => {
  const charge = { id: "ch_1", object: "charge", created: seconds };
  assert.equal((await verify({ ...snapshot, type: "charge.refunded", data: { object: charge } })).event?.payment, null);
  const account = { id: "acct_1", type: "account", url: "/v1/accounts/acct_1" };
  assert.equal((await verify({ ...thin, related_object: account })).event?.payment, null);
  assert.equal((await verify({ ...thin, related_object: null })).event?.payment, null);
});

Deno.test("while a secret is being replaced, both values are accepted, and no third", async () => {
  const secrets = ["whsec_new_0123456789", SECRET];
  for (const secret of secrets) {
    assert.equal((await verify(snapshot, { secrets, secret })).event?.id, "evt_1");
    assert.equal((await verify(thin, { secrets, secret })).event?.id, "evt_2");
  }
  const forged = { event: null, refused: "signature" };
  assert.deepEqual(await verify(snapshot, { secrets, secret: "whsec_other_012345678" }), forged);
  assert.deepEqual(await verify(thin, { secrets, secret: "whsec_other_012345678" }), forged);
});

Deno.test("an event signed five minutes ago counts, one signed earlier is a replay", async () => {
  for (const event of [snapshot, thin]) {
    assert.equal((await verify(event, { at: seconds - 300 })).refused, null);
    assert.equal((await verify(event, { at: seconds - 301 })).refused, "signature");
  }
});

Deno.test("a body that was changed after signing is refused, and so is a malformed header", async () => {
  const body = JSON.stringify(snapshot);
  const verifier = createVerifier([SECRET], () => NOW);
  const headers = [
    "",
    "x",
    `t=${seconds}`,
    `v1=${"0".repeat(64)}`,
    `t=x,v1=${"0".repeat(64)}`,
    sign(body).replace("v1", "v0"),
  ];
  for (const header of headers) assert.equal((await verifier(body, header)).refused, "signature", header);
  assert.equal((await verifier(body.replace("o1", "o2"), sign(body))).refused, "signature");
  assert.equal((await verifier(`${body} `, sign(body))).refused, "signature");
  assert.equal((await verifier("", sign(""))).refused, "signature");
});

Deno.test("a signed body that is not a readable event is malformed", async () => {
  const broken: unknown[] = [
    "{",
    "null",
    "[]",
    '"evt_1"',
    { ...snapshot, id: "1" },
    { ...snapshot, livemode: "true" },
    { ...snapshot, account: "somebody" },
    { ...snapshot, data: null },
    { ...snapshot, data: { object: { ...intent, id: "pi_1' or true" } } },
    { ...snapshot, data: { object: { ...intent, metadata: { order_id: 5 } } } },
    { ...snapshot, object: "list" },
    { ...thin, created: 5 },
    { ...thin, context: "org_1" },
  ];
  for (const event of broken) {
    assert.deepEqual(await verify(event), { event: null, refused: "malformed" }, JSON.stringify(event));
  }
});

Deno.test("secrets are a trimmed list and never appear in an error message", () => {
  const read = (value: string) => parseWebhookSecrets((name) => name === "STRIPE_WEBHOOK_SECRET" ? value : undefined);
  assert.deepEqual(read(` ${SECRET}\n`), [SECRET]);
  assert.deepEqual(read(`${SECRET} , whsec_another_01234567,\n`), [SECRET, "whsec_another_01234567"]);
  for (const wrong of ["", " ", ",", "sk_test_0123456789abcdef", "whsec_short"]) {
    assert.throws(
      () => read(wrong),
      (error: Error) => error.name === "ConfigurationError" && !error.message.includes("sk_"),
    );
  }
});
