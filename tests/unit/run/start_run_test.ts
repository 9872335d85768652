import assert from "node:assert/strict";
import type { BeginAnswer, RunRow } from "../../../functions/_shared/database/contracts.ts";
import type { JobsDatabase } from "../../../functions/_shared/database/jobs-database.ts";
import { ConfigurationError, DatabaseError } from "../../../functions/_shared/errors.ts";
import type { Job, JobResult, Ports, RunOrders } from "../../../functions/_shared/run/job.ts";
import type { Log } from "../../../functions/_shared/run/log.ts";
import { startRun } from "../../../functions/_shared/run/start-run.ts";
import { SETTINGS } from "../expire/shop.ts";
import { at, intent, NOW } from "../stripe/builders.ts";

const COUNTERS = [
  "payments_expired",
  "payment_intents_canceled",
  "checkout_sessions_expired",
  "stock_released",
  "orders_paid",
  "orders_waiting",
  "orders_retried",
  "orders_quarantined",
  "late_payments",
  "payments_kept",
  "stripe_calls",
  "stripe_throttled",
];
const ROW = {
  id: "6f2c7f6e-1a53-4a0e-9c3a-111111111111",
  job: "expire-stale-orders",
  status: "running",
  trigger: "server",
  dry_run: false,
  item_limit: null,
  fence: 7,
  error: null,
  ...Object.fromEntries(COUNTERS.map((name) => [name, 0])),
} as unknown as RunRow;
const DONE: JobResult = { status: "succeeded", error: null, workLeft: false };
const CUT_OFF: JobResult = { status: "partial", error: "Time ran out", workLeft: true };

type World = { begun?: Partial<RunRow>; answer?: string; due?: number; key?: () => string; fetch?: typeof fetch };

/** Runs this job in a world of its own; answers what it got, and what the database was told. */
async function run(job: Job, { begun = {}, answer = "running", due = 1, key = () => "sk_test_1", fetch }: World = {}) {
  const told: [string, ...unknown[]][] = [];
  const got: { ports?: Ports; orders?: RunOrders } = {};
  const row = { ...ROW, ...begun };
  const database = {
    beginRun: () => Promise.resolve({ answer, now: NOW, run: row, settings: SETTINGS, due } as BeginAnswer),
    finishRun: (end: Record<string, unknown>) => {
      told.push(["finishRun", end]);
      return Promise.resolve({ ...row, ...(end as { status: RunRow["status"]; error: string | null }) });
    },
    continueRun: (id: string) => Promise.resolve(void told.push(["continueRun", id])),
    reserveCalls: (...args: unknown[]) => {
      told.push(["reserveCalls", ...args]);
      return Promise.resolve({ count: 1, startsInMs: 0, intervalMs: 1, perSecond: 100, accountPerSecond: 100 });
    },
    reportThrottle: (...args: unknown[]) => Promise.resolve(void told.push(["reportThrottle", ...args])),
  } as unknown as JobsDatabase;
  const log: Log = { info: () => {}, error: () => {}, with: () => log };
  const started = await startRun({
    run: { runId: ROW.id } as never,
    job: (ports, orders) => {
      Object.assign(got, { ports, orders });
      return job(ports, orders);
    },
    database,
    stripe: () => ({ secretKey: key(), apiBase: "https://stripe.test" }),
    log,
    world: {
      fetch: fetch ?? (() => Promise.resolve(Response.json(intent(), { headers: { "request-id": "req_1" } }))),
      clockFrom: () => ({ now: () => NOW, monotonic: () => 0, sleep: () => Promise.resolve() }),
    },
  });
  const { report, configurationError } = await started.ended;
  return { report, configurationError, told, names: told.map(([name]) => name), ...got };
}

const readOnce: Job = async ({ gateway }) => {
  await gateway.readIntent({ id: "pi_1", account: null });
  return CUT_OFF;
};

Deno.test("a run that was refused does nothing and is answered as it stands", async () => {
  for (const answer of ["duplicate", "skipped", "braked", "failed"] as const) {
    const begun = { status: answer === "duplicate" ? "running" : answer, error: "why" } as const;
    const { report, ports, told, configurationError } = await run(() => Promise.resolve(DONE), { answer, begun });
    assert.deepEqual([ports, told, report.status], [undefined, [], begun.status]);
    assert.equal(configurationError, answer === "failed" ? "why" : null);
  }
});

Deno.test("a run with nothing due ends without its job", async () => {
  const { report, ports, names } = await run(() => Promise.reject(new Error("nobody asked")), { due: 0 });
  assert.deepEqual([report.status, ports, names], ["succeeded", undefined, ["finishRun"]]);
});

Deno.test("a job is told its lease, its limit and its time, by the database's clock", async () => {
  const { orders, ports } = await run(() => Promise.resolve(DONE), { begun: { item_limit: 5 } });
  assert.deepEqual(orders, { lease: { runId: ROW.id, fence: 7 }, dryRun: false, limit: 5, settings: SETTINGS });
  assert.deepEqual(ports!.deadline, {
    claim: at(SETTINGS.claimSeconds * 1_000),
    call: at(SETTINGS.runSeconds * 1_000),
  });
  assert.equal((await run(() => Promise.resolve(DONE))).orders!.limit, Number.POSITIVE_INFINITY);
});

Deno.test("a dry run has no lease, even if the database gave it one", async () => {
  const { orders } = await run(() => Promise.resolve(DONE), { begun: { dry_run: true } });
  assert.deepEqual([orders!.lease, orders!.dryRun], [null, true]);
});

Deno.test("a job that breaks ends as failed, with its reason, and leaves no continuation", async () => {
  const broken = await run(() => Promise.reject(new DatabaseError("Cannot claim", { code: "57P01" })));
  assert.equal(broken.report.status, "failed");
  assert.match(broken.report.error!, /Cannot claim/);
  assert.deepEqual([broken.names, broken.configurationError], [["finishRun"], null]);

  const missing = await run(() => Promise.resolve(DONE), {
    key: () => {
      throw new ConfigurationError("STRIPE_SECRET_KEY is missing");
    },
  });
  assert.deepEqual([missing.report.status, missing.configurationError], ["failed", "STRIPE_SECRET_KEY is missing"]);
});

Deno.test("a run that was cut off and got somewhere is continued, after it gave its lease back", async () => {
  const asked = await run(readOnce);
  assert.deepEqual(asked.names, ["reserveCalls", "finishRun", "continueRun"]);
  assert.deepEqual(asked.told[2], ["continueRun", ROW.id]);
  const closed = await run(() => Promise.resolve(CUT_OFF), { begun: { payments_expired: 3 } });
  assert.deepEqual(closed.names, ["finishRun", "continueRun"]);
});

Deno.test("a run that got nowhere, is done, or was only a dry one is not continued", async () => {
  assert.deepEqual((await run(() => Promise.resolve(CUT_OFF))).names, ["finishRun"]);
  assert.deepEqual((await run(() => Promise.resolve(DONE), { begun: { payments_expired: 3 } })).names, ["finishRun"]);
  const dry = await run(readOnce, { begun: { dry_run: true } });
  assert.deepEqual(dry.names, ["reserveCalls", "finishRun"]);
});

for (const [key, livemode] of [["sk_test_1", false], ["rk_live_1", true]] as const) {
  Deno.test(`calls take their slots from the budget of the key's own mode, and are counted: ${livemode ? "live" : "test"}`, async () => {
    let refusals = 0;
    const limited: typeof fetch = () =>
      Promise.resolve(
        refusals++ === 0
          ? Response.json({ error: { code: "rate_limit" } }, {
            status: 429,
            headers: { "stripe-rate-limited-reason": "endpoint-rate", "request-id": "req_1" },
          })
          : Response.json(intent(), { headers: { "request-id": "req_2" } }),
      );
    const { told } = await run(readOnce, { key: () => key, fetch: limited });
    assert.deepEqual(told.filter(([name]) => name !== "continueRun"), [
      ["reserveCalls", livemode, "payment_intents.retrieve", 1],
      ["reportThrottle", livemode, "payment_intents.retrieve", "endpoint"],
      ["finishRun", {
        runId: ROW.id,
        status: "partial",
        error: "Time ran out",
        stripeCalls: 1,
        stripeThrottled: 1,
      }],
    ]);
  });
}
