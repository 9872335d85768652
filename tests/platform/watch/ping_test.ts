import assert from "node:assert/strict";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { withConnection } from "../../../local/postgres/databases.ts";
import { setVaultEntries } from "../../../local/stack/vault.ts";
import { startNetWorker } from "../../../local/workers/net-worker.ts";
import { cleanup, expire, type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

const run = "00000000-0000-4000-8000-000000000001";
const addresses: [string, string, string, string, string | null][] = [
  [
    "healthchecks.io, by uuid",
    "https://hc-ping.com/uuid",
    expire,
    "start",
    `https://hc-ping.com/uuid/start?rid=${run}`,
  ],
  ["healthchecks.io, by uuid", "https://hc-ping.com/uuid", expire, "success", `https://hc-ping.com/uuid?rid=${run}`],
  ["healthchecks.io, by uuid", "https://hc-ping.com/uuid", expire, "fail", `https://hc-ping.com/uuid/fail?rid=${run}`],
  ["one check, the other job", "https://hc-ping.com/uuid", cleanup, "success", null],
  [
    "a check for each job",
    "https://hc-ping.com/key/lapse-{job}?create=1",
    cleanup,
    "fail",
    `https://hc-ping.com/key/lapse-${cleanup}/fail?create=1&rid=${run}`,
  ],
  [
    "a healthchecks server of one's own",
    "https://hc.example.com/ping/uuid/",
    expire,
    "start",
    `https://hc.example.com/ping/uuid/start?rid=${run}`,
  ],
  ...(["start in_progress", "success ok", "fail error"].map((it): typeof addresses[number] => {
    const [state, status] = it.split(" ");
    const url = "https://o1.ingest.sentry.io/api/2/cron/lapse/key/";
    return ["Sentry", url, expire, state!, `${url}?status=${status}&check_in_id=${run}`];
  })),
  ["any other monitor", "https://ping.example.com/token?x=1", expire, "success", "https://ping.example.com/token?x=1"],
  ["any other monitor", "https://ping.example.com/token", expire, "start", null],
  ["any other monitor", "https://ping.example.com/token", expire, "fail", null],
];

Deno.test("the dead man's switch is called in its service's own format", async () => {
  await withWatched(databases, async ({ sql }) => {
    for (const [what, url, job, state, address] of addresses) {
      const [row] = await sql`select lapse.ping_address(${url}, ${job}, ${state}, ${run}) as address`;
      assert.equal(row!.address, address, `${what}: ${job} ${state}`);
    }
  });
});

Deno.test("a run pings at its start and when it has succeeded, failed or been braked", async () => {
  await withMonitor(async ({ watched, begin, finish, heard }) => {
    await finish(await begin());
    await finish(await begin(), "failed");
    await finish(await begin(), "partial");
    await watched.sql`update lapse.jobs set brake_on = true where job = ${expire}`;
    await begin();
    assert.deepEqual(await heard(), ["/start", "", "/start", "/fail", "/start", "", "/fail"]);
  });
});

Deno.test("dry runs, runs of one order and skipped runs send no ping", async () => {
  await withMonitor(async ({ watched, begin, finish, heard }) => {
    const dry = await watched.begin(0, { dryRun: true });
    await watched.finish(0, dry.run.id);
    await watched.sync(0, await watched.placeOrder(-10));
    const working = await begin();
    assert.equal((await watched.begin(0)).answer, "skipped");
    await finish(working);
    assert.deepEqual(await heard(), ["/start", ""]);
  });
});

Deno.test("a run that completes while lapse-health is unhealthy pings as failed", async () => {
  await withMonitor(async ({ watched, begin, finish, heard }) => {
    await watched.placeOrder(-40);
    await finish(await begin());
    assert.deepEqual(await watched.health(0), ["orders_overdue"]);
    assert.deepEqual(await heard(), ["/start", "/fail"]);
  });
});

Deno.test("a monitor that refuses or a malformed address raises L024 and stops no run", async () => {
  await withMonitor(async ({ watched, begin, finish, heard, answer }) => {
    const { sql, adminUrl, watch, alert } = watched;
    answer.status = 404;
    const first = await begin();
    await heard();
    assert.deepEqual(await watch(0.1), [], "one call may get lost");
    await finish(first);
    await heard();
    assert.deepEqual(await watch(0.2), ["ping_failing"]);
    assert.equal((await alert("ping_failing")).cause, "expire-stale-orders: status 404");
    answer.status = 200;
    await finish(await begin());
    await heard();
    assert.deepEqual(await watch(0.3), []);

    await setVaultEntries(adminUrl, { lapse_ping_url: "hc-ping.com/uuid" });
    assert.deepEqual(await watch(0.4), ["ping_failing"]);
    await finish(await begin());
    const states = await sql`select status from lapse.runs order by created_at`;
    assert.deepEqual(states.map(({ status }) => status), ["succeeded", "succeeded", "succeeded"]);
    await sql`select lapse.set_ping_url(null)`;
    assert.deepEqual(await watch(0.5), []);
  });
});

Deno.test("without pg_net, or with a Vault that cannot be read, runs work as before", async () => {
  await withMonitor(async ({ watched: { sql, adminUrl }, begin, finish }) => {
    await finish(await begin());
    await withConnection(adminUrl, (admin) => admin`alter schema net rename to net_gone`);
    await finish(await begin());
    await withConnection(adminUrl, (admin) => admin`alter schema net_gone rename to net`);
    await withConnection(adminUrl, (admin) => admin`alter view vault.decrypted_secrets rename to gone`);
    await finish(await begin());
    await withConnection(adminUrl, (admin) => admin`alter view vault.gone rename to decrypted_secrets`);
    const runs = await sql`select status from lapse.runs order by created_at`;
    assert.deepEqual(runs.map(({ status }) => status), ["succeeded", "succeeded", "succeeded"]);
    const [ping] = await sql`select error from lapse.pings`;
    assert.match(ping!.error, /Vault cannot decrypt it/);
  });
});

type Monitor = {
  watched: Watched;
  begin(): Promise<string>;
  finish(id: string, status?: string): Promise<void>;
  /** What the monitor was asked for so far: the end of each path. */
  heard(): Promise<string[]>;
  answer: { status: number };
};

/** A database with a dead man's switch, as healthchecks.io has them, and pg_net's worker to reach it. */
async function withMonitor(work: (monitor: Monitor) => Promise<void>): Promise<void> {
  const asked: string[] = [];
  const answer = { status: 200 };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, searchParams } = new URL(request.url);
    assert.match(searchParams.get("rid")!, /^[0-9a-f-]{36}$/);
    asked.push(pathname.replace("/ping/uuid", ""));
    return new Response(null, { status: answer.status });
  });
  try {
    await withWatched(databases, async (watched) => {
      const net = await startNetWorker({ dbUrl: watched.adminUrl });
      try {
        await watched.sql`select lapse.set_ping_url(${`http://127.0.0.1:${server.addr.port}/ping/uuid`})`;
        await work({
          watched,
          answer,
          begin: async () => (await watched.begin(0)).run.id,
          finish: (id, status) => watched.finish(0, id, status),
          heard: async () => (await net.drain(), asked),
        });
      } finally {
        await net.stop();
      }
    }, ["run_failed", "overdue"]);
  } finally {
    await server.shutdown();
  }
}
