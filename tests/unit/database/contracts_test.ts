import assert from "node:assert/strict";
import { settings } from "../../../functions/_shared/database/contracts.ts";

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
});

Deno.test("settings that no version knows are refused by name", () => {
  const unknown = settings.safeParse({ ...OF_THE_FIRST_DATABASE, batchesAtNight: 3 });
  assert.match(JSON.stringify(unknown.error?.issues), /batchesAtNight/);
});
