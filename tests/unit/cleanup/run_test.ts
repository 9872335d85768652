import assert from "node:assert/strict";
import type { IntentPage } from "../../../functions/_shared/stripe/gateway.ts";
import { intent, session } from "../stripe/builders.ts";
import { fakeStripe, lost, refused } from "../stripe/fake-stripe.ts";
import { stalePayment } from "./builders.ts";
import { runCleanup } from "./run.ts";

const ORDER = stalePayment("expired").orderId!;
const own = (id: string, more = {}) => intent({ id, amount: 2000, metadata: { order_id: ORDER }, ...more });
const known = (stripeId: string) => stalePayment("expired", { stripeId });
const recorded = (stripeId: string, more = {}) => stalePayment("paid", { stripeId, recordedState: "open", ...more });
const page = (more: Partial<IntentPage>): IntentPage => ({
  intents: [],
  malformed: [],
  hasMore: false,
  lastId: null,
  ...more,
});

Deno.test("a run ends payments under idempotency keys of the clean-up, numbered by its lease", async () => {
  const checkout = session({ amount_total: 2000, metadata: { order_id: ORDER } });
  const stripe = fakeStripe({ pi_1: own("pi_1"), cs_1: checkout });
  const batch = [recorded("pi_1"), recorded("cs_1", { kind: "checkout_session" })];
  await runCleanup({ stripe, batches: [batch] });
  const keys = stripe.writes().map((call) => call.split(" ")[2]!);
  assert.deepEqual(keys, ["lapse:pi_1:7:cleanup", "lapse:cs_1:7:cleanup"]);
});

Deno.test("a run that Stripe stops in the middle of ending payments has failed, and goes on with nothing", async () => {
  const stripe = fakeStripe({ pi_1: own("pi_1"), pi_2: own("pi_2") });
  stripe.answer("cancelIntent", "pi_1", refused(401));
  const ran = await runCleanup({ stripe, batches: [[recorded("pi_1")], [recorded("pi_2")]] });
  assert.deepEqual(ran.result, {
    status: "failed",
    error: "Stripe stopped the run: key_rejected",
    workLeft: false,
  });
  assert.deepEqual([ran.dueBys.length, ran.slices], [1, 0]);
  assert.deepEqual(ran.decisions.map(({ outcome, reason }) => `${outcome} ${reason}`), ["deferred run_stopped"]);
});

Deno.test("the revisit list is asked for what was due when the run began, as often as it is asked", async () => {
  const stripe = fakeStripe({ pi_1: own("pi_1"), pi_2: own("pi_2") });
  const { dueBys } = await runCleanup({ stripe, batches: [[recorded("pi_1")], [recorded("pi_2")]] });
  assert.equal(dueBys.length, 3);
  assert.equal(new Set(dueBys.map(Number)).size, 1, "later, it would meet what it put there itself");
});

Deno.test("a page goes on after its last payment, whether that could be read or not", async () => {
  const stripe = fakeStripe(Object.fromEntries(["pi_1", "pi_odd", "pi_odder", "pi_2"].map((id) => [id, own(id)])));
  const { pages, result, decisions } = await runCleanup({
    stripe,
    known,
    pages: [
      page({ intents: [own("pi_1")], malformed: ["pi_odd"], lastId: "pi_odd", hasMore: true }),
      page({ malformed: ["pi_odder"], lastId: "pi_odder", hasMore: true }),
      page({ intents: [own("pi_2")], lastId: "pi_2" }),
    ],
  });
  assert.equal(result.status, "succeeded");
  assert.deepEqual(pages.map(({ after, cursor }) => [after, cursor]), [
    [null, "pi_odd"],
    ["pi_odd", "pi_odder"],
    ["pi_odder", "pi_2"],
  ]);
  assert.deepEqual(decisions.map(({ stripeId, outcome }) => `${stripeId} ${outcome}`), [
    "pi_1 canceled",
    "pi_odd canceled",
    "pi_odder canceled",
    "pi_2 canceled",
  ]);
});

Deno.test("what stands on the revisit list is left to it when the sweep comes by", async () => {
  const stripe = fakeStripe({ pi_listed: own("pi_listed"), pi_new: own("pi_new") });
  const listed = { listed: { looks: 1, ending: false } };
  const { decisions } = await runCleanup({
    stripe,
    known: (stripeId) => ({ ...known(stripeId), ...(stripeId === "pi_listed" ? listed : {}) }),
    pages: [page({ intents: [own("pi_listed"), own("pi_new")], lastId: "pi_new" })],
  });
  assert.deepEqual(decisions.map(({ stripeId }) => stripeId), ["pi_new"]);
  assert.deepEqual(stripe.writes().map((call) => call.split(" ")[1]), ["pi_new"]);
});

Deno.test("payments of another mode, and those that name no order of a shop, are not even looked up", async () => {
  const strangers = [
    own("pi_live", { livemode: true }),
    own("pi_words", { metadata: { order_id: "A-1001" } }),
    own("pi_bare", { metadata: {} }),
  ];
  const stripe = fakeStripe(Object.fromEntries(strangers.map((it) => [it.id, it])));
  const asked: string[] = [];
  const { decisions, pages } = await runCleanup({
    stripe,
    known: (stripeId) => {
      asked.push(stripeId);
      return known(stripeId);
    },
    pages: [page({ intents: strangers, lastId: "pi_bare" })],
  });
  assert.deepEqual([asked, decisions, stripe.calls, pages[0]?.own], [[], [], [], 0]);
});

Deno.test("payments that cannot be read are kept and counted, and the run that met them is no success", async () => {
  const stripe = fakeStripe({ pi_1: own("pi_1"), pi_2: own("pi_2") });
  stripe.answer("readIntent", "pi_1", ...Array.from({ length: 9 }, () => lost("timeout")));
  const { result, decisions } = await runCleanup({ stripe, batches: [[recorded("pi_1"), recorded("pi_2")]] });
  assert.deepEqual(result, {
    status: "partial",
    error: "1 payments could not be decided and will be tried again",
    workLeft: false,
  });
  assert.deepEqual(decisions.map(({ outcome, reason }) => `${outcome} ${reason}`), [
    "kept timeout",
    "canceled ended_by_run",
  ]);
});

Deno.test("no part of a payment covers an order that does not exist: an operator has to look at it", async () => {
  const part = { amount_received: 1, status: "canceled" };
  const stripe = fakeStripe({ pi_part: own("pi_part", part), pi_1: own("pi_1") });
  const { decisions } = await runCleanup({
    stripe,
    known: (stripeId) => stripeId === "pi_part" ? stalePayment("absent", { stripeId }) : known(stripeId),
    pages: [page({ intents: [own("pi_part", part), own("pi_1")], lastId: "pi_1" })],
  });
  const [kept] = decisions;
  assert.deepEqual([kept?.outcome, kept?.reason, kept?.alert], ["kept", "partly_received", true]);
});
