import assert from "node:assert/strict";
import type { Database } from "../../../functions/_shared/database/database.ts";
import { COUNTERS, type RunRow } from "../../../functions/_shared/database/runs.ts";
import { ConfigurationError, DatabaseError } from "../../../functions/_shared/errors.ts";
import { type Job, type JobResult, NOTHING_DUE, type Ports, type Task } from "../../../functions/_shared/run/job.ts";
import type { Log, LogFields } from "../../../functions/_shared/run/log.ts";
import { startRun } from "../../../functions/_shared/run/start-run.ts";
import { rowOf, RUN_ID, SETTINGS } from "./run-row.ts";

const NOW = new Date("2026-11-22T12:00:00Z");
const HANDED_OVER: JobResult = {
  status: "partial",
  error: "It ran out of time: a continuation follows",
  workLeft: true,
};

type World = {
  begun?: Partial<RunRow>;
  answer?: string;
  key?: () => string;
  fetch?: typeof fetch;
  usesStripe?: boolean;
  finished?: Partial<RunRow>;
  retired?: AbortSignal;
};

/** Runs this job in a separate world; returns what it received, and its calls to database and log. */
async function run(work: Job["work"], { begun = {}, answer = "running", usesStripe = true, ...world }: World = {}) {
  const told: [string, unknown][] = [];
  const lines: [string, LogFields][] = [];
  const got: { ports?: Ports; task?: Task } = {};
  const row = rowOf(begun);
  let slept = 0;
  const database = {
    beginRun: () =>
      Promise.resolve({
        answer,
        now: NOW,
        run: row,
        settings: SETTINGS,
        due: 5,
        refundsDue: true,
        paymentsPerSecond: 20,
        waitForShare: true,
      }),
    finishRun: (end: Partial<RunRow>) => {
      told.push(["finishRun", end]);
      return Promise.resolve({ ...row, status: end.status!, error: end.error!, ...world.finished });
    },
    continueRun: (id: string) => Promise.resolve(void told.push(["continueRun", id])),
  } as unknown as Database;
  const write = (event: string, fields: LogFields = {}) => void lines.push([event, fields]);
  const log: Log = { info: write, error: write, with: () => log };
  const started = await startRun({
    run: { runId: RUN_ID } as never,
    job: {
      usesStripe,
      work: (ports, task) => {
        Object.assign(got, { ports, task });
        return work(ports, task);
      },
    },
    database,
    stripe: () => ({ secretKey: (world.key ?? (() => "sk_test_1"))(), apiBase: "https://stripe.test" }),
    log,
    retired: world.retired,
    world: {
      fetch: world.fetch ?? (() => Promise.resolve(Response.json({}, { status: 404 }))),
      clockFrom: () => ({
        now: () => new Date(NOW.getTime() + slept),
        monotonic: () => slept,
        sleep: (ms) => Promise.resolve(void (slept += ms)),
      }),
    },
  });
  const { report, configurationError } = await started.ended;
  return { report, configurationError, told, lines, names: told.map(([name]) => name), ...got };
}

const readOnce: Job["work"] = async ({ openStripe }) => {
  const stripe = await openStripe();
  await stripe.readIntent({ id: "pi_1", account: "" });
  return HANDED_OVER;
};

Deno.test("a refused run does nothing and is answered with its row", async () => {
  for (const answer of ["duplicate", "skipped", "braked", "failed"] as const) {
    const begun = { status: answer === "duplicate" ? "running" : answer, error: "why" } as const;
    const { report, ports, told, configurationError } = await run(() => Promise.resolve(NOTHING_DUE), {
      answer,
      begun,
    });
    assert.deepEqual([ports, told, report.status], [undefined, [], begun.status]);
    assert.equal(configurationError, answer === "failed" ? "why" : null);
  }
});

Deno.test("a job receives its lease, its limit, the number due, and its deadline by the database's clock", async () => {
  const { task, ports } = await run(() => Promise.resolve(NOTHING_DUE), { begun: { item_limit: 5 } });
  assert.deepEqual(task, {
    job: "expire-stale-orders",
    due: 5,
    refundsDue: true,
    waitForShare: true,
    limit: 5,
    settings: SETTINGS,
    lease: { runId: RUN_ID, fence: 7 },
  });
  assert.deepEqual(ports!.deadline, {
    claim: new Date(NOW.getTime() + SETTINGS.claimSeconds * 1_000),
    call: new Date(NOW.getTime() + SETTINGS.runSeconds * 1_000),
  });
  assert.equal((await run(() => Promise.resolve(NOTHING_DUE))).task!.limit, Number.POSITIVE_INFINITY);
});

Deno.test("a dry run has no lease, even if the database gave it one", async () => {
  assert.equal((await run(() => Promise.resolve(NOTHING_DUE), { begun: { dry_run: true } })).task!.lease, null);
});

Deno.test("a job that throws ends as failed, with its reason and without a continuation", async () => {
  const broken = await run(() => Promise.reject(new DatabaseError("Cannot claim", { code: "57P01" })));
  assert.equal(broken.report.status, "failed");
  assert.match(broken.report.error!, /Cannot claim/);
  assert.deepEqual([broken.names, broken.configurationError], [["finishRun"], null]);
});

Deno.test("a job that needs Stripe fails without its key before it works; other jobs do not read the key", async () => {
  const key = () => {
    throw new ConfigurationError("Cannot work: STRIPE_SECRET_KEY is not set");
  };
  const missing = await run(() => Promise.resolve(NOTHING_DUE), { key });
  assert.deepEqual([missing.ports, missing.report.status, missing.configurationError], [
    undefined,
    "failed",
    "Cannot work: STRIPE_SECRET_KEY is not set",
  ]);
  const third = await run(() => Promise.resolve(NOTHING_DUE), { key, usesStripe: false });
  assert.equal(third.report.status, "succeeded");
  await assert.rejects(third.ports!.openStripe(), /does not use Stripe/);
});

Deno.test("Stripe is opened once, when it is first asked for", async () => {
  const { ports } = await run(async ({ openStripe }) => {
    assert.equal(await openStripe(), await openStripe());
    return NOTHING_DUE;
  }, { key: () => "rk_live_1" });
  assert.equal((await ports!.openStripe()).livemode, true);
});

Deno.test("a run with work left is continued after it released its lease", async () => {
  const { told } = await run(() => Promise.resolve(HANDED_OVER));
  assert.deepEqual(told.map(([name, it]) => name === "continueRun" ? [name, it] : name), [
    "finishRun",
    ["continueRun", RUN_ID],
  ]);
});

Deno.test("a run that is done, or that the database braked at its end, is not continued", async () => {
  assert.deepEqual((await run(() => Promise.resolve(NOTHING_DUE))).names, ["finishRun"]);
  const braked = await run(() => Promise.resolve(HANDED_OVER), { finished: { status: "braked" } });
  assert.deepEqual([braked.names, braked.report.status], [["finishRun"], "braked"]);
});

Deno.test("calls to Stripe and refusals for rate are counted and reported when the run ends", async () => {
  let answers = 0;
  const limited: typeof fetch = () =>
    Promise.resolve(
      answers++ === 0
        ? Response.json({ error: { code: "rate_limit" } }, {
          status: 429,
          headers: { "stripe-rate-limited-reason": "endpoint-rate" },
        })
        : Response.json({ error: { code: "resource_missing" } }, { status: 404 }),
    );
  const { told, lines } = await run(readOnce, { fetch: limited });
  assert.deepEqual(told[0], ["finishRun", {
    runId: RUN_ID,
    status: "partial",
    error: HANDED_OVER.error,
    stripeCalls: answers,
    stripeThrottled: 1,
  }]);
  assert.deepEqual(lines.filter(([event]) => event === "throttled"), [
    ["throttled", { endpoint: "payment_intents.retrieve", limit: "rate" }],
  ]);
});

Deno.test("no call leaves a worker that is being retired", async () => {
  let calls = 0;
  const { report } = await run(readOnce, {
    retired: AbortSignal.abort(),
    fetch: () => Promise.resolve(Response.json({}, { status: 500 })).finally(() => calls++),
  });
  assert.deepEqual([calls, report.status], [0, "partial"]);
});

Deno.test("no call starts after a worker's retirement was announced", async () => {
  const retirement = new AbortController();
  let calls = 0;
  const { report } = await run(async ({ openStripe }) => {
    const stripe = await openStripe();
    retirement.abort();
    await stripe.readIntent({ id: "pi_1", account: "" });
    return HANDED_OVER;
  }, {
    retired: retirement.signal,
    fetch: () => Promise.resolve(Response.json({}, { status: 500 })).finally(() => calls++),
  });
  assert.deepEqual([calls, report.status], [0, "partial"]);
});

Deno.test("report and log have every counter of the run's row", async () => {
  const counted = Object.fromEntries(COUNTERS.map((name, n) => [name, n + 1]));
  const { report, lines } = await run(() => Promise.resolve(NOTHING_DUE), { begun: counted });
  const reported = report as unknown as Record<string, unknown>;
  const line = lines.find(([event]) => event === "run_finished")![1];
  for (const [n, name] of COUNTERS.entries()) {
    const camelCase = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    assert.deepEqual([reported[camelCase], line[name]], [n + 1, n + 1], name);
  }
});
