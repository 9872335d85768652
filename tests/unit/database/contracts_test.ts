import assert from "node:assert/strict";
import { reservedCalls, settings } from "../../../functions/_shared/database/contracts.ts";

const OF_THE_FIRST_DATABASE = {
  runSeconds: 50,
  claimSeconds: 40,
  claimBatch: 100,
  customerActionGraceSeconds: 300,
  processingRecheckSeconds: 3_600,
  captureRecheckSeconds: 3_600,
  voucherSettleGraceSeconds: 3_600,
  slowMethodWindowSeconds: 3_600,
};

Deno.test("functions that are deployed before the database is migrated work as the ones before them did", () => {
  assert.deepEqual(settings.parse(OF_THE_FIRST_DATABASE), { ...OF_THE_FIRST_DATABASE, batchesAtOnce: 2 });
  const block = { count: 8, startsInMs: 12.5, intervalMs: 51.4, perSecond: 20, accountPerSecond: 50 };
  assert.deepEqual(reservedCalls.parse(block), block);
  const now = "2026-11-28T14:00:00.123456+00:00";
  assert.deepEqual(reservedCalls.parse({ ...block, now }), { ...block, now: new Date("2026-11-28T14:00:00.123Z") });
});

Deno.test("settings that no version knows are refused by name", () => {
  const unknown = settings.safeParse({ ...OF_THE_FIRST_DATABASE, batchesAtNight: 3 });
  assert.match(JSON.stringify(unknown.error?.issues), /batchesAtNight/);
});
