import assert from "node:assert/strict";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { serveJob } from "../../../functions/_shared/http/serve-job.ts";
import { type Job, NOTHING_DUE } from "../../../functions/_shared/run/job.ts";
import { createLog } from "../../../functions/_shared/run/log.ts";
import { rowOf, SETTINGS } from "../run/run-row.ts";

const SCHEDULER = { "x-lapse-secret": "s".repeat(32) };
const SERVER = { apikey: "sb_secret_x" };

const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
const jwks = { keys: [{ ...await exportJWK(publicKey), kid: "k1", alg: "ES256" }] };

async function tokenOf(claims: Record<string, unknown>): Promise<Record<string, string>> {
  const token = await new SignJWT({ role: "authenticated", ...claims })
    .setProtectedHeader({ alg: "ES256", kid: "k1" }).setSubject("u1").setExpirationTime("1 h").sign(privateKey);
  return { authorization: `Bearer ${token}` };
}
const operator = await tokenOf({ app_metadata: { lapse_role: "operator" } });

type Setup = {
  env?: Record<string, string | undefined>;
  job?: Partial<Job>;
  begin?: unknown;
  retired?: AbortSignal;
};

/** The function over a database that answers every run with `begin`, and its calls to database and log. */
function setUp({ env = {}, job = {}, begin, retired = new AbortController().signal }: Setup = {}) {
  const calls: Record<string, unknown>[] = [];
  const lines: string[] = [];
  const background: Promise<unknown>[] = [];
  const rest = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const name = new URL(request.url).pathname.split("/").at(-1)!;
    const args = await request.json();
    calls.push({ name, ...args });
    if (name === "lapse_finish_run") {
      return Response.json(rowOf({ id: args.p_run_id, status: args.p_status, error: args.p_error }));
    }
    if (begin instanceof Response) return begin.clone();
    const now = "2026-11-22T12:00:00+00:00";
    return Response.json({
      now,
      answer: "running",
      run: rowOf({ id: args.p_run_id }),
      settings: SETTINGS,
      due: 0,
      paymentsPerSecond: 20,
      ...(begin ?? {}),
    });
  });
  const variables: Record<string, string | undefined> = {
    SUPABASE_URL: `http://127.0.0.1:${rest.addr.port}`,
    SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
    SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
    SUPABASE_JWKS: JSON.stringify(jwks),
    LAPSE_SCHEDULER_SECRET: SCHEDULER["x-lapse-secret"],
    STRIPE_SECRET_KEY: "sk_test_1",
    ...env,
  };
  const handler = serveJob({
    name: "expire-stale-orders",
    job: { usesStripe: true, work: () => Promise.resolve(NOTHING_DUE), ...job },
    readVariable: (name) => variables[name],
    worker: { waitUntil: (work) => void background.push(work), retired },
    log: createLog({}, (line) => lines.push(line)),
  });
  return {
    calls,
    lines,
    background,
    async send(headers: Record<string, string>, body?: unknown, method = "POST") {
      const text = body === undefined || method === "OPTIONS"
        ? undefined
        : typeof body === "string"
        ? body
        : JSON.stringify(body);
      const response = await handler(
        new Request("http://local.test/expire-stale-orders", { method, headers, body: text }),
      );
      const answered = await response.text();
      return { response, status: response.status, text: answered, body: answered ? JSON.parse(answered) : null };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(background);
      await rest.shutdown();
    },
  };
}

Deno.test("the scheduler, an operator and a server start a run, and the answer does not wait for it", async () => {
  for (
    const [headers, trigger, requestedBy] of [
      [SCHEDULER, "schedule", "pg_cron"],
      [operator, "operator", "u1"],
      [SERVER, "server", "key:default"],
    ] as const
  ) {
    const ended = Promise.withResolvers<typeof NOTHING_DUE>();
    await using it = setUp({ job: { work: () => ended.promise } });
    const { status, body } = await it.send(headers);
    assert.equal(status, 202);
    assert.deepEqual([it.calls[0]!.p_trigger, it.calls[0]!.p_requested_by, it.calls[0]!.p_run_id], [
      trigger,
      requestedBy,
      body.runId,
    ]);
    assert.deepEqual(it.calls.map(({ name }) => name), ["lapse_begin_run"]);
    assert.equal(it.background.length, 1, "the worker lives until the run is over");
    ended.resolve(NOTHING_DUE);
  }
});

Deno.test("a job is notified that its worker is being retired", async () => {
  let heard: boolean | undefined;
  await using it = setUp({
    retired: AbortSignal.abort(),
    job: {
      work: ({ retired }) => {
        heard = retired.aborted;
        return Promise.resolve(NOTHING_DUE);
      },
    },
  });
  await it.send(SERVER, { wait: true });
  assert.equal(heard, true);
});

Deno.test("no answer may be cached", async () => {
  await using it = setUp();
  for (const headers of [{}, SERVER] as Record<string, string>[]) {
    assert.equal((await it.send(headers, { wait: true })).response.headers.get("cache-control"), "no-store");
  }
});

Deno.test("with wait the answer is the run's report", async () => {
  await using it = setUp();
  const { status, body } = await it.send(SERVER, { wait: true, limit: 5, reason: "look" });
  assert.deepEqual([status, body.status, body.ordersExpired, body.paymentIntentsCanceled], [200, "succeeded", 0, 0]);
  assert.deepEqual([it.calls[0]!.p_limit, it.calls[0]!.p_reason, it.calls[0]!.p_dry_run], [5, "look", false]);
});

Deno.test("unauthenticated callers start nothing and read nothing", async () => {
  await using it = setUp();
  const strangers: Record<string, string>[] = [
    {},
    { "x-lapse-secret": "wrong" },
    // A wrong secret never falls through to another way in.
    { "x-lapse-secret": "wrong", ...SERVER },
    { apikey: "sb_publishable_x" },
    { apikey: "sb_secret_y" },
    { authorization: "Bearer sb_secret_x" },
    { authorization: "Bearer a.b.c" },
  ];
  for (const headers of strangers) {
    const { status, body } = await it.send(headers, '{"force":true}');
    assert.deepEqual([status, body.error.code], [401, "credentials"], JSON.stringify(headers));
  }
  for (const role of ["viewer", "admin", undefined]) {
    const headers = await tokenOf({ app_metadata: { lapse_role: role }, user_metadata: { lapse_role: "operator" } });
    assert.equal((await it.send(headers)).status, 403);
  }
  assert.deepEqual(it.calls, []);
});

const MISCONFIGURED: Record<string, string | undefined>[] = [
  { LAPSE_SCHEDULER_SECRET: undefined },
  { LAPSE_SCHEDULER_SECRET: "short" },
  { SUPABASE_SECRET_KEYS: "{}" },
  { SUPABASE_URL: "" },
];
for (const env of MISCONFIGURED) {
  const [name] = Object.keys(env);
  Deno.test(`only the log says that ${name} is ${JSON.stringify(env[name!])}, not the answer to an unauthenticated caller`, async () => {
    await using it = setUp({ env });
    for (const headers of [{}, { "x-lapse-secret": "wrong" }, { apikey: "guess" }] as Record<string, string>[]) {
      const { status, text } = await it.send(headers, "{");
      assert.equal(status, 401);
      assert.doesNotMatch(text, /SUPABASE|LAPSE_|STRIPE|not set|malformed/);
    }
    assert.match(it.lines.join("\n"), new RegExp(`${name} is `));
  });
}

Deno.test("an authenticated caller is told what is misconfigured", async () => {
  await using noSecret = setUp({ env: { LAPSE_SCHEDULER_SECRET: "" } });
  const answered = await noSecret.send(SERVER);
  assert.deepEqual([answered.status, answered.body.error.code], [500, "configuration"]);
  assert.match(answered.body.error.message, /LAPSE_SCHEDULER_SECRET is not set/);
  await using noProject = setUp({ env: { SUPABASE_SECRET_KEYS: "{}" } });
  assert.match((await noProject.send(SCHEDULER)).body.error.message, /SUPABASE_SECRET_KEYS is malformed/);
  assert.deepEqual([noSecret.calls, noProject.calls], [[], []]);
});

Deno.test("a run without Stripe's key is recorded as failed; a request that starts no run is told at once", async () => {
  await using it = setUp({ env: { STRIPE_SECRET_KEY: "" } });
  const probe = await it.send(SERVER, { doctor: true });
  assert.deepEqual([probe.status, it.calls], [500, []]);
  assert.match(probe.body.error.message, /STRIPE_SECRET_KEY is not set/);
  const run = await it.send(SERVER, { wait: true });
  assert.deepEqual([run.status, run.body.error.code], [500, "configuration"]);
  assert.deepEqual(it.calls.map(({ name, p_status }) => [name, p_status]), [
    ["lapse_begin_run", undefined],
    ["lapse_finish_run", "failed"],
  ]);
  await using other = setUp({ env: { STRIPE_SECRET_KEY: "" }, job: { usesStripe: false } });
  assert.equal((await other.send(SERVER, { wait: true })).status, 200, "a job without Stripe does not need its key");
});

Deno.test("an unusable body is refused with the field's name and starts nothing", async () => {
  await using it = setUp();
  const { status, body } = await it.send(SERVER, { force: true });
  assert.deepEqual([status, body.error.issues, it.calls], [400, [{ field: "force", reason: "unknown field" }], []]);
});

Deno.test("a request that the database refuses is the caller's error; any other failure is the function's", async () => {
  for (const [code, status] of [["PT404", 404], ["22023", 400], ["XX000", 500]] as const) {
    const refused = Response.json({ code, message: "Cannot begin this run: it is not queued here" }, { status: 400 });
    await using it = setUp({ begin: refused });
    const { status: answered, text } = await it.send(SCHEDULER, { runId: crypto.randomUUID() });
    assert.equal(answered, status);
    assert.match(text, /not queued here/);
  }
});

for (const answer of ["duplicate", "skipped", "braked"] as const) {
  Deno.test(`a run that is answered ${answer} does nothing`, async () => {
    let worked = false;
    const begin = { answer, run: rowOf({ status: answer === "duplicate" ? "running" : answer, error: "why" }) };
    await using it = setUp({ begin, job: { work: () => Promise.resolve(NOTHING_DUE).finally(() => worked = true) } });
    assert.equal((await it.send(SCHEDULER)).status, 202);
    assert.equal((await it.send(SERVER, { wait: true })).body.error, "why");
    assert.equal(worked, false);
  });
}

Deno.test("a browser may call from any page, and never with the scheduler's secret", async () => {
  await using it = setUp();
  const { response, status } = await it.send({ origin: "https://dashboard.test" }, undefined, "OPTIONS");
  assert.equal(status, 204);
  assert.equal(response.headers.get("access-control-allow-origin"), "*");
  assert.equal(response.headers.get("access-control-allow-methods"), "POST");
  const allowed = response.headers.get("access-control-allow-headers")!.split(", ");
  for (const name of ["authorization", "apikey", "content-type", "x-client-info"]) {
    assert.ok(allowed.includes(name), name);
  }
  assert.ok(!allowed.includes("x-lapse-secret"));
  for (const headers of [{}, SERVER] as Record<string, string>[]) {
    const { response } = await it.send(headers);
    assert.equal(response.headers.get("access-control-allow-origin"), "*", "an error can be read, too");
  }
});

Deno.test("only POST starts a run", async () => {
  await using it = setUp();
  for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
    const { response, status } = await it.send(SERVER, undefined, method);
    assert.deepEqual([status, response.headers.get("allow")], [405, "POST"]);
  }
  assert.deepEqual(it.calls, []);
});
