import assert from "node:assert/strict";
import { NO_TRACE } from "../../../functions/_shared/stripe/outcome.ts";
import { at, countOf, databaseOf, NOW, runJob, stripeOf, unpaidOrders } from "./shop.ts";

const claims = () => Array.from({ length: 10 }, (_, n) => ({ orders: unpaidOrders(20, n * 20) }));

Deno.test("a run takes its share of orders and hands the rest to a continuation", async () => {
  const { database, settled } = databaseOf(claims());
  const { result } = await runJob({ database, settings: { runOrders: 60, claimBatch: 20 } });
  assert.deepEqual(countOf(settled), { expired: 60 });
  assert.deepEqual([result.status, result.error, result.workLeft], [
    "partial",
    "It used up its share of orders: a continuation follows",
    true,
  ]);
});

Deno.test("concurrent batches share the run's limit and its share", async () => {
  const limited = databaseOf(claims());
  const { result } = await runJob({
    database: limited.database,
    limit: 40,
    settings: { claimBatch: 20, batchesAtOnce: 3 },
  });
  assert.deepEqual([limited.settled.length, result.status, result.workLeft], [40, "succeeded", false]);
  const shared = databaseOf(claims());
  await runJob({ database: shared.database, settings: { runOrders: 40, claimBatch: 20, batchesAtOnce: 3 } });
  assert.equal(shared.settled.length, 40);
});

Deno.test("a run that decides all that is due has not used up its share, although its claims asked for all of it", async () => {
  const { database, settled } = databaseOf([{ orders: unpaidOrders(20) }, { orders: unpaidOrders(5, 20) }]);
  const { result } = await runJob({ database, settings: { runOrders: 40, claimBatch: 20, batchesAtOnce: 3 } });
  assert.deepEqual([settled.length, result], [25, { status: "succeeded", error: null, workLeft: false }]);
});

Deno.test("a run that is out of time claims nothing more", async () => {
  const { database, settled, asked } = databaseOf(claims());
  const now = () => asked.length < 2 ? NOW : at(40_000);
  const { result } = await runJob({ database, now, settings: { batchesAtOnce: 1 } });
  assert.deepEqual([settled.length, result.error, result.workLeft], [
    40,
    "It ran out of time: a continuation follows",
    true,
  ]);
});

Deno.test("a run without progress is not continued at once", async () => {
  const { database, asked } = databaseOf(claims());
  const { result } = await runJob({ database, now: () => at(40_000) });
  assert.deepEqual([asked, result.status, result.workLeft], [[], "partial", false]);
});

Deno.test("a run that handed everything back is not continued at once", async () => {
  const { database, settled, asked } = databaseOf(claims());
  const { result } = await runJob({ database, now: () => asked.length === 0 ? NOW : at(50_000) });
  assert.deepEqual([countOf(settled), result.status, result.workLeft], [{ handed_back: 20 }, "partial", false]);
});

const cursorOf = (account: string) => ({ account, list: "payment_intents", readTo: at(-300_000), proven: false });

Deno.test("a run whose lists could not be read names them and is partial", async () => {
  const { database } = databaseOf([], {
    listCursors: () => Promise.resolve([cursorOf("acct_1")]),
    listFailed: () => Promise.resolve(null),
  } as never);
  const listIntents = () => Promise.resolve({ kind: "unknown", why: "timeout", trace: NO_TRACE });
  const { result } = await runJob({ database, gateway: { ...stripeOf().gateway, listIntents } as never });
  assert.deepEqual([result.status, result.error, result.workLeft], [
    "partial",
    "Some of Stripe's lists could not be read, so the orders of their accounts wait: payment_intents of acct_1: timeout",
    false,
  ]);
});

Deno.test("a run that has read its share of pages hands the rest to a continuation", async () => {
  const { database } = databaseOf([], {
    listCursors: () => Promise.resolve(Array.from({ length: 150 }, (_, n) => cursorOf(`acct_${n}`))),
    recordListed: (...[, , , window]: [unknown, unknown, unknown, { to: Date }]) =>
      Promise.resolve({ readTo: window.to, recorded: 0, proven: false }),
  } as never);
  const object = { payments: [], unreadable: [], hasMore: false, lastId: null, answeredAt: NOW };
  const listIntents = () => Promise.resolve({ kind: "object", object, trace: NO_TRACE });
  const { result } = await runJob({ database, gateway: { ...stripeOf().gateway, listIntents } as never });
  assert.deepEqual([result.status, result.error, result.workLeft], [
    "partial",
    "It used up its share of pages: a continuation follows",
    true,
  ]);
});

Deno.test("a worker that is being retired claims nothing more, hands back what it did not begin, and requests a continuation", async () => {
  const retirement = new AbortController();
  const { database, settled, asked } = databaseOf([{ orders: unpaidOrders(100) }, { orders: unpaidOrders(100, 100) }]);
  const stripe = stripeOf({}, 1);
  const read = stripe.gateway.readIntent;
  stripe.gateway.readIntent = (ref) => {
    if (stripe.calls.length === 10) retirement.abort();
    return read(ref);
  };
  const { result } = await runJob({
    database,
    gateway: stripe.gateway,
    retired: retirement.signal,
    settings: { batchesAtOnce: 1 },
  });
  const { expired = 0, handed_back: handedBack = 0 } = countOf(settled);
  assert.deepEqual([asked.length, settled.length], [1, 100]);
  assert.ok(expired > 0 && handedBack > 0, `${expired} expired, ${handedBack} handed back`);
  assert.deepEqual([result.error, result.workLeft], ["Its worker is being retired: a continuation follows", true]);
});
