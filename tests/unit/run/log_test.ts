import assert from "node:assert/strict";
import fc from "fast-check";
import { createLog, type Log } from "../../../functions/_shared/run/log.ts";

/** A log that writes into a list, on a clock that only the test moves. */
function setUp() {
  const lines: { at: number; text: string }[] = [];
  const clock = { ms: 0 };
  const log = createLog({}, (text) => lines.push({ at: clock.ms, text }), { monotonic: () => clock.ms });
  return { log, clock, lines, last: () => JSON.parse(lines.at(-1)!.text) };
}

function mostInTenSeconds(lines: { at: number }[]): number {
  return Math.max(0, ...lines.map(({ at }) => lines.filter((it) => it.at > at - 10_000 && it.at <= at).length));
}

/** A run of ten minutes with 20 batches a second. */
function workLong(log: Log, clock: { ms: number }): void {
  const run = log.with({ run_id: "r1" });
  run.info("run_started");
  for (let batch = 0; batch < 12_000; batch++) {
    clock.ms += 50;
    run.info("batch_settled", { claimed: 50 });
  }
  run.info("run_finished", { status: "succeeded" });
}

Deno.test("every line is one JSON object with its event, its run, the time since the run began", () => {
  const { log, clock, last } = setUp();
  const run = log.with({ run_id: "r1", job: "expire-stale-orders" });
  clock.ms = 1_234.5;
  run.info("batch_settled", { claimed: 50, outcomes: { expired: 48, retry: 2 } });
  assert.deepEqual(last(), {
    level: "info",
    event: "batch_settled",
    run_id: "r1",
    job: "expire-stale-orders",
    claimed: 50,
    outcomes: { expired: 48, retry: 2 },
    elapsed_ms: 1235,
  });
});

Deno.test("a run of any size stays under 100 lines in 10 s, and its end says what was left out", () => {
  const { log, clock, lines, last } = setUp();
  workLong(log, clock);
  assert.ok(mostInTenSeconds(lines) < 100, `${mostInTenSeconds(lines)} lines in 10 s`);
  assert.equal(JSON.parse(lines[0]!.text).event, "run_started");
  assert.equal(last().event, "run_finished");
  const told = lines.filter(({ text }) => JSON.parse(text).event === "batch_settled").length;
  const leftOut = lines.reduce((sum, { text }) => sum + (JSON.parse(text).left_out?.batch_settled ?? 0), 0);
  assert.equal(told + leftOut, 12_000);
  assert.ok(leftOut > 0);
});

Deno.test("concurrent runs share one log limit, whatever they log and however unevenly", () => {
  const moment = fc.record({
    wait: fc.nat(3_000),
    lines: fc.nat(200),
    event: fc.constantFrom("batch_settled", "run_refused"),
  });
  fc.assert(fc.property(fc.array(moment, { maxLength: 40 }), (moments) => {
    const { log, clock, lines } = setUp();
    const runs = [log.with({ run_id: "a" }), log.with({ run_id: "b" })];
    for (const { wait, lines: count, event } of moments) {
      clock.ms += wait;
      for (let n = 0; n < count; n++) runs[n % 2]!.info(event);
    }
    assert.ok(mostInTenSeconds(lines) < 100);
  }));
});

Deno.test("keys, tokens and addresses are not logged, not even inside another program's error", () => {
  const { log, lines } = setUp();
  const secrets = [
    "sk_live_51Habc",
    "rk_test_99xyz",
    "whsec_abc123",
    "sb_secret_Zm9v-bar_1",
    "Bearer abc.def",
    "pi_3Mabc_secret_xyz",
    "eyJhbGciOi.eyJzdWIi.c2ln",
    "ann@shop.example",
    "postgres://admin:hunter2@db.example",
  ];
  for (const secret of secrets) log.error("run_failed", { error: `TypeError: header ${secret} is odd`, note: secret });
  const text = lines.map((line) => line.text).join("\n");
  for (const word of ["51Habc", "99xyz", "abc123", "Zm9v", "abc.def", "_xyz", "c2ln", "ann@", "hunter2"]) {
    assert.ok(!text.includes(word), `${word} is in the log`);
  }
});

Deno.test("ids of runs, orders and payments stay readable", () => {
  const { log, last } = setUp();
  const fields = { run_id: "12345678-1234-4123-8123-123456789012", stripe_id: "pi_3OabcDEF123", stop: "key_rejected" };
  log.info("payment_broke", fields);
  assert.deepEqual(last(), { level: "info", event: "payment_broke", ...fields });
});

Deno.test("an error's class has its own field", () => {
  const { log, last } = setUp();
  log.error("run_failed", { error: "LeaseLostError: Cannot go on with run" });
  assert.equal(last().error_class, "LeaseLostError");
  log.info("run_finished", { error: "Time ran out before the work did" });
  assert.equal(last().error_class, undefined);
});

Deno.test("a line that is too long is still JSON and keeps its run id", () => {
  const { log, last } = setUp();
  const outcomes = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`outcome_${n}`, n]));
  log.info("batch_settled", { run_id: "r1", outcomes });
  assert.equal(last().run_id, "r1");
  assert.ok(last().too_long > 9_000);
});
