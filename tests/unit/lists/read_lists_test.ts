import assert from "node:assert/strict";
import { DatabaseError, LeaseLostError } from "../../../functions/_shared/errors.ts";
import { NO_TRACE, type Outcome } from "../../../functions/_shared/stripe/outcome.ts";
import { at, cursorOf, DAY, HOUR, listed, MINUTE, read } from "./stripe-lists.ts";

const unknown = (why: "timeout" | "server_error"): Outcome<never> => ({ kind: "unknown", why, trace: NO_TRACE });
const INTENTS = "payment_intents";
const SESSIONS = "checkout_sessions";

Deno.test("each list is read from two minutes before its cursor, and counts as read to a minute before Stripe's present", async () => {
  const { asked, recorded, readTo } = await read({
    cursors: [cursorOf(INTENTS, at(-10 * MINUTE)), cursorOf(SESSIONS, at(-5 * MINUTE))],
    payments: { [INTENTS]: [listed("pi_1", at(-11 * MINUTE))], [SESSIONS]: [listed("cs_1", at(-2 * MINUTE))] },
  });
  assert.deepEqual(asked.map(({ list, from, to }) => [list, from, to]), [
    [INTENTS, at(-12 * MINUTE), at(HOUR)],
    [SESSIONS, at(-7 * MINUTE), at(HOUR)],
  ]);
  assert.deepEqual(recorded.flatMap(({ payments }) => payments.map(({ stripeId }) => stripeId)), ["pi_1", "cs_1"]);
  assert.deepEqual([readTo(INTENTS), readTo(SESSIONS)], [at(-MINUTE), at(-MINUTE)]);
});

for (const [what, stripeAhead] of [["behind", -90_000], ["ahead of", 90_000]] as const) {
  Deno.test(`a clock of Stripe's ${what} the database's decides how far the list is settled`, async () => {
    const { recorded } = await read({ cursors: [cursorOf(INTENTS, at(-10 * MINUTE))], stripeAhead });
    assert.deepEqual(recorded.at(-1)!.to, at(stripeAhead - MINUTE));
  });
}

Deno.test("nothing is recorded until Stripe's clock is a minute past the cursor, and nothing is asked until ours is", async () => {
  const behind = await read({ cursors: [cursorOf(INTENTS, at(-2 * MINUTE))], stripeAhead: -2 * MINUTE });
  assert.deepEqual([behind.asked.length, behind.recorded, behind.failed], [1, [], []]);
  const fresh = await read({ cursors: [cursorOf(INTENTS, at(-MINUTE))] });
  assert.deepEqual(fresh.asked, []);
});

Deno.test("a database's clock minutes ahead of Stripe's is a failure: its list could never be read far enough", async () => {
  const cursors = [cursorOf(INTENTS, at(-HOUR))];
  const ahead = await read({ cursors, stripeAhead: -3 * MINUTE - 1_000 });
  assert.deepEqual([ahead.recorded, ahead.failed.map(({ error }) => error)], [
    [],
    ["clock_differs: the database's clock is minutes ahead of Stripe's"],
  ]);
  const nearly = await read({ cursors, stripeAhead: -3 * MINUTE });
  assert.deepEqual([nearly.readTo(INTENTS), nearly.failed], [at(-4 * MINUTE), []]);
});

for (const [what, lastId] of [["empty page", null], ["endless page", "pi_0"]] as const) {
  Deno.test(`a list with an ${what} that promises more is an error and not followed forever`, async () => {
    const object = { payments: [], unreadable: [], hasMore: true, lastId, answeredAt: at(0) };
    const { asked, failed, recorded } = await read({
      cursors: [cursorOf(INTENTS, at(-HOUR))],
      fail: () => ({ kind: "object", trace: NO_TRACE, object } as never),
    });
    assert.deepEqual([failed.map(({ error }) => error), recorded], [[
      "bad_reply: a page without an id to continue from",
    ], []]);
    assert.ok(asked.length <= 2);
  });
}

Deno.test("a payment in a list that cannot be read may name an order: the account's orders wait, and it is named", async () => {
  const object = { payments: [], unreadable: ["pi_odd"], hasMore: false, lastId: "pi_odd", answeredAt: at(0) };
  const { failed, recorded } = await read({
    cursors: [cursorOf(INTENTS, at(-HOUR))],
    fail: () => ({ kind: "object", trace: NO_TRACE, object } as never),
  });
  assert.deepEqual([failed.map(({ error }) => error), recorded], [["bad_reply: cannot read pi_odd"], []]);
});

Deno.test("an answer without Stripe's time proves nothing", async () => {
  const { failed, recorded } = await read({
    cursors: [cursorOf(INTENTS, at(-HOUR))],
    fail: () => ({
      kind: "object",
      trace: NO_TRACE,
      object: { payments: [], unreadable: [], hasMore: false, lastId: null, answeredAt: null },
    } as never),
  });
  assert.deepEqual([failed.map(({ error }) => error), recorded], [["bad_reply: no Date header"], []]);
});

Deno.test("only payments that name an order and may still matter are recorded, with few fields", async () => {
  const payments = [
    listed("pi_own", at(-30 * MINUTE)),
    listed("pi_paid", at(-30 * MINUTE), { status: "succeeded" }),
    listed("pi_bare", at(-30 * MINUTE), { metadata: { cart: "7" } }),
    listed("pi_empty", at(-30 * MINUTE), { metadata: { order_id: "" } }),
    listed("pi_dead", at(-30 * MINUTE), { status: "canceled" }),
    listed("pi_live", at(-30 * MINUTE), { livemode: true }),
  ];
  const sessions = [
    listed("cs_metadata", at(-30 * MINUTE), { client_reference_id: "elsewhere" }),
    listed("cs_client", at(-30 * MINUTE), { metadata: {}, client_reference_id: "A-7", status: "open" }),
    listed("cs_expired", at(-30 * MINUTE), { status: "expired" }),
  ];
  const { recorded } = await read({
    cursors: [cursorOf(INTENTS, at(-HOUR)), cursorOf(SESSIONS, at(-HOUR))],
    payments: { [INTENTS]: payments, [SESSIONS]: sessions },
  });
  assert.deepEqual(recorded.flatMap((window) => window.payments), [
    { stripeId: "pi_own", ref: "pi_own", createdAt: at(-30 * MINUTE), status: "requires_payment_method" },
    { stripeId: "pi_paid", ref: "pi_paid", createdAt: at(-30 * MINUTE), status: "succeeded" },
    { stripeId: "cs_metadata", ref: "cs_metadata", createdAt: at(-30 * MINUTE), status: "requires_payment_method" },
    { stripeId: "cs_client", ref: "A-7", createdAt: at(-30 * MINUTE), status: "open" },
  ]);
});

Deno.test("a long period is read in windows without gaps, oldest first, each twice as long while there are few payments", async () => {
  const { asked, recorded, readTo, progress } = await read({ cursors: [cursorOf(INTENTS, at(-90 * DAY))] });
  assert.ok(asked.length < 20, `${asked.length} pages for an empty account`);
  let reached = at(-90 * DAY);
  for (const { from, to } of recorded) {
    assert.deepEqual(from, new Date(reached.getTime() - 2 * MINUTE));
    assert.ok(to > reached);
    reached = to;
  }
  assert.deepEqual(readTo(INTENTS), at(-MINUTE));
  assert.equal(progress.done, recorded.length, "a window that was recorded is progress");
});

Deno.test("a window is settled up to a minute before its first page: what is created later may be missing", async () => {
  const { asked, recorded } = await read({
    cursors: [cursorOf(INTENTS, at(-10 * MINUTE))],
    payments: { [INTENTS]: Array.from({ length: 150 }, (_, n) => listed(`pi_${n}`, at(-9 * MINUTE + n))) },
    pageTakes: 15_000,
  });
  assert.deepEqual([asked.length >= 2, recorded[0]!.payments.length, recorded[0]!.to], [true, 150, at(-45_000)]);
});

Deno.test("all pages of a window are recorded together; one with too many pages is halved", async () => {
  // Five pages an hour at first, then forty.
  const quiet = Array.from({ length: 500 }, (_, n) => listed(`pi_q${n}`, at(-3 * HOUR + n * 7_000)));
  const busy = Array.from({ length: 4_000 }, (_, n) => listed(`pi_b${n}`, at(-2 * HOUR + n * 900)));
  const { asked, recorded } = await read({
    cursors: [cursorOf(INTENTS, at(-3 * HOUR))],
    payments: { [INTENTS]: [...quiet, ...busy] },
  });
  assert.equal(new Set(recorded.flatMap(({ payments }) => payments.map(({ stripeId }) => stripeId))).size, 4_500);
  assert.ok(recorded.every(({ payments }) => payments.length <= 3_000), "never more than 30 pages in memory");
  assert.deepEqual(recorded[0]!.payments.length, 500);
  assert.ok(asked.length < 90, `${asked.length} pages`);
});

Deno.test("a window of two minutes is read whole even if it has too many pages", async () => {
  const rush = Array.from({ length: 9_000 }, (_, n) => listed(`pi_${n}`, at(-4 * MINUTE + n * 20)));
  const { recorded, readTo } = await read({
    cursors: [cursorOf(INTENTS, at(-4 * MINUTE))],
    payments: { [INTENTS]: rush },
  });
  assert.ok(recorded.some(({ payments }) => payments.length > 3_000));
  assert.ok(readTo(INTENTS)! > at(-4 * MINUTE));
});

Deno.test("a list that cannot be read makes the orders of its account wait, and no others", async () => {
  const { failed, readTo, progress } = await read({
    cursors: [cursorOf(INTENTS, at(-HOUR)), cursorOf(INTENTS, at(-HOUR), "acct_1"), cursorOf(SESSIONS, at(-HOUR))],
    fail: (list, account) => list === INTENTS && account === "acct_1" ? unknown("server_error") : null,
  });
  assert.deepEqual(failed, [{ account: "acct_1", list: INTENTS, error: "server_error" }]);
  assert.deepEqual([readTo(INTENTS), readTo(`${INTENTS} acct_1`), readTo(SESSIONS)], [
    at(-MINUTE),
    at(-HOUR),
    at(-MINUTE),
  ]);
  assert.deepEqual([progress.unread, progress.stop], [["payment_intents of acct_1: server_error"], null]);
});

Deno.test("a window that fails midway is not recorded, however many of its pages were read", async () => {
  const many = Array.from({ length: 450 }, (_, n) => listed(`pi_${n}`, at(-40 * MINUTE + n)));
  const { recorded, failed } = await read({
    cursors: [cursorOf(INTENTS, at(-HOUR))],
    payments: { [INTENTS]: many },
    fail: (_, __, call) => call === 4 ? unknown("timeout") : null,
  });
  assert.deepEqual([recorded, failed.map(({ error }) => error)], [[], ["timeout"]]);
});

Deno.test("a rejected key stops the run; one account's missing permission does not", async () => {
  const stop = { kind: "stop", why: "key_rejected", trace: NO_TRACE } as const;
  const rejected = await read({ cursors: [cursorOf(INTENTS, at(-HOUR))], fail: () => stop });
  assert.deepEqual([rejected.progress.stop, rejected.failed.length], ["key_rejected", 1]);
  const denied = await read({
    cursors: [cursorOf(INTENTS, at(-HOUR), "acct_1"), cursorOf(INTENTS, at(-HOUR))],
    fail: (_, account) => account ? { kind: "stop", why: "permission_denied", trace: NO_TRACE } : null,
  });
  assert.deepEqual([denied.progress.stop, denied.failed.length, denied.recorded.length], [null, 1, 1]);
});

Deno.test("a window that the database refuses is that list's failure, a lost lease the run's", async () => {
  const refusing = (code: string) => ({
    recordListed: () => Promise.reject(new DatabaseError("Cannot call lapse_record_listed: no", { code })),
  });
  for (const code of ["23514", "57014"]) {
    const { failed, progress } = await read({
      cursors: [cursorOf(INTENTS, at(-HOUR))],
      database: refusing(code) as never,
    });
    assert.deepEqual([failed.length, progress.broken], [1, null]);
  }
  const lost = new LeaseLostError("Another run took over", { code: "LP001" });
  const { failed, progress } = await read({
    cursors: [cursorOf(INTENTS, at(-HOUR))],
    database: { recordListed: () => Promise.reject(lost) } as never,
  });
  assert.deepEqual([failed, progress.broken], [[], { error: lost }]);
});

Deno.test("reading takes half of the run's time, so that a run with many lists closes orders of those that it has read", async () => {
  const cursors = Array.from({ length: 30 }, (_, n) => cursorOf(INTENTS, at(-5 * MINUTE), `acct_${n}`));
  const { asked, recorded, progress } = await read({ cursors, pageTakes: 2_500 });
  assert.deepEqual([asked.length, recorded.length], [8, 8]);
  assert.deepEqual([progress.pagesLeft, progress.handover], [0, null], "a continuation reads the others");
});

Deno.test("a payment is found although Stripe's clock is minutes ahead of the database's", async () => {
  const { recorded } = await read({
    cursors: [cursorOf(INTENTS, at(-10 * MINUTE))],
    payments: { [INTENTS]: [listed("pi_1", at(5 * MINUTE))] },
    stripeAhead: 10 * MINUTE,
  });
  assert.deepEqual(recorded.flatMap(({ payments }) => payments.map(({ stripeId }) => stripeId)), ["pi_1"]);
});

Deno.test("if time runs out, the current window is left to the next run, and that is not a failure", async () => {
  const unsent = { kind: "unsent", why: "out_of_time", trace: NO_TRACE } as const;
  const { failed, recorded, progress } = await read({
    cursors: [cursorOf(INTENTS, at(-90 * DAY))],
    fail: (_, __, call) => call === 3 ? unsent : null,
  });
  assert.deepEqual([failed, recorded.length, progress.handover], [[], 2, "It ran out of time"]);
});

Deno.test("reading ends with the run's time, its pages or its worker", async () => {
  const cursors = [cursorOf(INTENTS, at(-90 * DAY))];
  const slow = await read({ cursors, pageTakes: 15_000 });
  assert.deepEqual([slow.asked.length, slow.progress.pagesLeft], [2, 0]);

  const manyAccounts = Array.from({ length: 150 }, (_, n) => cursorOf(INTENTS, at(-5 * MINUTE), `acct_${n}`));
  const many = await read({ cursors: manyAccounts });
  assert.ok(many.asked.length >= 100 && many.asked.length < 110, `${many.asked.length} pages`);
  assert.ok(many.progress.pagesLeft <= 0);

  const retired = await read({ cursors, retired: AbortSignal.abort() });
  assert.deepEqual([retired.asked, retired.progress.handover], [[], "Its worker is being retired"]);
});

Deno.test("a listed payment that names an order of the shop proves the key for a while", async () => {
  const isProven = async (proven: boolean, proves: boolean) =>
    (await read({ cursors: [cursorOf(INTENTS, at(-HOUR), "", proven)], proves })).progress.keyCheck.isProven;
  assert.deepEqual([await isProven(false, false), await isProven(true, false), await isProven(false, true)], [
    false,
    true,
    true,
  ]);
});
