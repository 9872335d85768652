import assert from "node:assert/strict";
import { createDatabase } from "../../../functions/_shared/database/database.ts";
import { isRefusal, isTimeout } from "../../../functions/_shared/errors.ts";
import type { Rpc } from "../../../functions/_shared/database/rpc.ts";
import { runRow, settings } from "../../../functions/_shared/database/runs.ts";
import { DatabaseError } from "../../../functions/_shared/errors.ts";
import { rowOf } from "../run/run-row.ts";

const ABOUT_MONEY = {
  metadataKey: "order_id",
  customerActionGraceSeconds: 300,
  processingRecheckSeconds: 3_600,
  captureRecheckSeconds: 3_600,
  voucherSettleGraceSeconds: 3_600,
  slowMethodWindowSeconds: 3_600,
  cleanupScope: "all",
};

Deno.test("functions work with settings of an older database and of a newer one", () => {
  const pace = {
    runSeconds: 50,
    claimSeconds: 40,
    runOrders: 600,
    claimBatch: 50,
    closeBatch: 5_000,
    batchesAtOnce: 2,
    disputedPayments: "quarantine",
  };
  assert.deepEqual(settings.parse(ABOUT_MONEY), { ...ABOUT_MONEY, ...pace });
  assert.deepEqual(settings.parse({ ...ABOUT_MONEY, runOrders: 7, colour: "red" }), {
    ...ABOUT_MONEY,
    ...pace,
    runOrders: 7,
  });
});

Deno.test("a run without a setting that decides about money is refused by its name", () => {
  for (const name of Object.keys(ABOUT_MONEY)) {
    const { success, error } = settings.safeParse({ ...ABOUT_MONEY, [name]: undefined });
    assert.ok(!success && JSON.stringify(error.issues).includes(name), name);
  }
});

Deno.test("refusals of rows are distinguished from timeouts and from other errors", () => {
  const withCode = (code: string | null) => new DatabaseError("Cannot call lapse_test: no", { code });
  for (const code of ["P0001", "23514", "22003", "21000", "PT409", "SHOP1", "LP002"]) {
    assert.ok(isRefusal(withCode(code)), code);
    assert.ok(!isTimeout(withCode(code)), code);
  }
  for (const code of ["55P03", "57014"]) {
    assert.ok(!isRefusal(withCode(code)), code);
    assert.ok(isTimeout(withCode(code)), code);
  }
  for (
    const code of ["LP001", "LP010", "40P01", "08006", "42501", "42883", "53300", "502", "PGRST202", "XX000", null]
  ) {
    assert.ok(!isRefusal(withCode(code)) && !isTimeout(withCode(code)), String(code));
  }
  assert.ok(!isRefusal(new Error("P0001")));
});

Deno.test("every call between begin and finish except the preview passes the run and its fence", async () => {
  const calls: [string, Record<string, unknown>][] = [];
  const rpc: Rpc = (name, args) => {
    calls.push([name, args]);
    return Promise.resolve(null as never);
  };
  const database = createDatabase(rpc);
  const lease = { runId: "run", fence: 7 };
  const cursor = { account: "acct_1", list: "checkout_sessions", readTo: new Date(0), proven: false } as const;
  const [from, to] = [new Date(0), new Date(1_000)];
  await database.listCursors(lease, true);
  await database.recordListed(lease, cursor, true, { from, to, payments: [] });
  await database.listFailed(lease, cursor, true, "timeout");
  await database.closeWithoutPayments(lease, 5);
  await database.shrinkCloseBatch(lease);
  await database.claimOrders(lease, 5);
  await database.claimWithoutPayments(lease, 5);
  await database.settleOrders(lease, []);
  for (const [name, args] of calls) {
    assert.match(name, /^lapse_[a-z_]+$/);
    assert.deepEqual([args.p_run_id, args.p_fence], ["run", 7], name);
  }
  assert.deepEqual(calls[1]![1], {
    p_run_id: "run",
    p_fence: 7,
    p_livemode: true,
    p_account: "acct_1",
    p_list: "checkout_sessions",
    p_from: "1970-01-01T00:00:00.000Z",
    p_to: "1970-01-01T00:00:01.000Z",
    p_payments: [],
  });
});

Deno.test("of the calls that change something, only idempotent ones are repeated", async () => {
  const repeatable: string[] = [];
  const rpc: Rpc = (name, _, options) => {
    if (options.repeatable) repeatable.push(name);
    return Promise.resolve(null as never);
  };
  const database = createDatabase(rpc);
  const lease = { runId: "run", fence: 7 };
  await database.beginRun({} as never);
  await database.claimOrders(lease, 5);
  await database.claimWithoutPayments(lease, 5);
  await database.closeWithoutPayments(lease, 5);
  await database.settleOrders(lease, []);
  await database.finishRun({} as never);
  await database.continueRun("run");
  assert.deepEqual(repeatable, ["lapse_settle_orders", "lapse_finish_run", "lapse_continue_run"]);
});

Deno.test("functions work with a run of an older database, which lacks the newest counters", () => {
  const { late_payments: _, ...older } = rowOf({ orders_expired: 3 });
  assert.deepEqual(runRow.parse(older), rowOf({ orders_expired: 3 }));
});
