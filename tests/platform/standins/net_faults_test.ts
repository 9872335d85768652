import assert from "node:assert/strict";
import { forgetEverything, type NetFaults, seededFaults } from "../../../local/workers/net-faults.ts";
import type { NetRequest } from "../../../local/workers/net-request.ts";
import { startNetWorker } from "../../../local/workers/net-worker.ts";
import { startCallee } from "./callee.ts";
import { startStandInServer, until } from "./standin_server.ts";

Deno.test("the stand-in of pg_net produces each fault on request", async (t) => {
  await using server = await startStandInServer();
  await using callee = startCallee();
  const { sql, url: dbUrl } = server;
  const post = (path: string) => sql`select net.http_post(${`${callee.url}/${path}`}, timeout_milliseconds := 300)`;
  const responses = async () => [...await sql`select status_code, timed_out from net._http_response order by id`];

  /** Sends one request to `path` with a worker that has `faults`, and waits for the end. */
  async function sendWith(faults: NetFaults, path: string): Promise<void> {
    await forgetEverything(sql);
    const worker = await startNetWorker({ dbUrl, pollMs: 10, restartMs: 20, faults });
    await post(path);
    await worker.drain();
    await worker.stop();
  }

  await t.step("a lost request leaves the queue, is never sent and has no response", async () => {
    await sendWith(() => "lose", "lost");
    assert.equal(callee.to("lost").length, 0);
    assert.deepEqual(await responses(), []);
    assert.equal((await sql`select from net.http_request_queue`).length, 0);
  });

  await t.step("a repeated request is sent twice and has one response", async () => {
    await sendWith(() => "repeat", "twice");
    assert.equal(callee.to("twice").length, 2);
    assert.deepEqual(await responses(), [{ status_code: 200, timed_out: false }]);
  });

  await t.step("a delayed response comes late, or times out though the callee has answered", async () => {
    await sendWith(() => ({ delayMs: 100 }), "late");
    assert.deepEqual(await responses(), [{ status_code: 200, timed_out: false }]);
    await sendWith(() => ({ delayMs: 1000 }), "too-late");
    assert.deepEqual(await responses(), [{ status_code: null, timed_out: true }]);
    assert.equal(callee.to("too-late").length, 1);
  });

  await t.step("a worker killed after sending sends its batch again", async () => {
    let kills = 0;
    await sendWith(() => kills++ === 0 ? "kill" : undefined, "killed");
    assert.equal(callee.to("killed").length, 2);
    assert.deepEqual(await responses(), [{ status_code: 200, timed_out: false }]);
  });

  await t.step("forgetting everything empties both tables and starts the ids anew", async () => {
    await post("forgotten");
    await forgetEverything(sql);
    const [row] = await post("first");
    assert.equal(row!.http_post, "1");
    await forgetEverything(sql);
  });

  await t.step("a worker that fails reports why and starts again by itself", async () => {
    const errors: unknown[] = [];
    const worker = await startNetWorker({ dbUrl, pollMs: 10, restartMs: 20, onError: (error) => errors.push(error) });
    await sql`alter table net._http_response rename to hidden`;
    await post("delayed");
    await until(() => errors.length > 0);
    await sql`alter table net.hidden rename to _http_response`;
    await until(async () => (await responses()).length === 1);
    await worker.stop();
  });
});

Deno.test("seeded faults repeat with their seed, follow their rates, and kill for one request once", () => {
  const requests = Array.from({ length: 2000 }, (_, id) => ({ id: String(id) }) as NetRequest);
  const rates = { lose: 0.1, repeat: 0.1, kill: 0.1, delay: 0.1, delayMs: 7 };
  const first = seededFaults(1, rates);
  const outcome = requests.map(first);
  assert.deepEqual(requests.map(seededFaults(1, rates)), outcome);
  assert.notDeepEqual(requests.map(seededFaults(2, rates)), outcome);
  for (const fault of ["lose", "repeat", "kill"]) {
    const share = outcome.filter((each) => each === fault).length / requests.length;
    assert.ok(Math.abs(share - 0.1) < 0.03, `${fault}: ${share}`);
  }
  assert.deepEqual(outcome.find((fault) => typeof fault === "object"), { delayMs: 7 });
  assert.ok(!requests.map(first).includes("kill"));
});
