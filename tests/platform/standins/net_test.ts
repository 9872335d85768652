/** What pg_net does well and badly, fault by fault (docs of the stand-in: local/extensions/pg_net/DIVERGENCES.md). */
import assert from "node:assert/strict";
import type postgres from "postgres";
import { startNetWorker } from "../../../local/workers/net-worker.ts";
import { startCallee } from "./callee.ts";
import { asRole, startStandInServer, until } from "./standin_server.ts";
import { replaceLostConnections } from "../../support/lost-connections.ts";
import { NOBODY } from "../../support/nobody.ts";

Deno.test("the stand-in of pg_net", async (t) => {
  await using server = await startStandInServer();
  await using callee = startCallee();
  await using elsewhere = startCallee();
  const { sql, url: dbUrl } = server;
  const base = callee.url;

  async function post(path: string, options: { headers?: object; timeoutMs?: number } = {}): Promise<string> {
    return await queue(sql, `${base}/${path}`, options);
  }
  const queued = async () => (await sql`select id from net.http_request_queue order by id`).map((row) => row.id);
  const response = async (id: string) => (await sql`select * from net._http_response where id = ${id}`)[0];
  const start = async (options: Partial<Parameters<typeof startNetWorker>[0]> = {}) => {
    const worker = await startNetWorker({ dbUrl, pollMs: 10, restartMs: 20, ...options });
    return { ...worker, [Symbol.asyncDispose]: worker.stop };
  };

  await t.step("a request reaches its callee as it was queued, and its answer is kept", async () => {
    await using worker = await start();
    const [row] =
      await sql`select net.http_post(url := ${`${base}/hook?a=1`}, body := '{"n": 1}', params := '{"q": "é &"}',
      headers := '{"x-own": "yes"}') as id`;
    await worker.drain();
    const call = callee.to("hook")[0]!;
    const { method, body } = call;
    assert.deepEqual([method, body, call.headers["x-own"]], ["POST", '{"n": 1}', "yes"]);
    assert.equal(call.headers["content-type"], "application/json");
    assert.equal(call.headers["user-agent"], "pg_net/0.20.4");
    const { status_code, content_type, content, timed_out, error_msg, headers } = (await response(row!.id))!;
    assert.deepEqual([status_code, content_type, content, timed_out, error_msg], [
      200,
      "application/json",
      '{"ok":true}',
      false,
      null,
    ]);
    assert.equal(headers["content-type"], "application/json");
  });

  await t.step(
    "GET and DELETE work too; an error status is a response like any other, an empty body is null, and one ends at a NUL",
    async () => {
      await using worker = await start();
      await sql`select net.http_delete(${`${base}/gone`}, headers := '{"x": "1"}')`;
      const [row] =
        await sql`select net.http_get(${`${base}/status/503`}) as failed, net.http_get(${`${base}/empty`}) as empty,
      net.http_get(${`${base}/nul`}) as nul`;
      await worker.drain();
      assert.equal(callee.to("gone")[0]!.method, "DELETE");
      assert.equal((await response(row!.failed))!.status_code, 503);
      assert.equal((await response(row!.empty))!.content, null);
      assert.equal((await response(row!.nul))!.content, "before");
    },
  );

  await t.step("a request is sent after the commit, and not before it", async () => {
    await using _worker = await start();
    await sql.begin(async (transaction) => {
      await queue(transaction, `${base}/committed`);
      await pause(200);
      assert.equal(callee.to("committed").length, 0);
    });
    await until(() => callee.to("committed").length === 1);
  });

  await t.step("a request that is rolled back is never sent and leaves a gap in the ids", async () => {
    await using worker = await start();
    const before = await post("before");
    await assert.rejects(sql.begin(async (transaction) => {
      await queue(transaction, `${base}/rolled-back`);
      throw new Error("on purpose");
    }));
    const after = await post("after");
    await worker.drain();
    assert.equal(callee.to("rolled-back").length, 0);
    assert.equal(Number(after) - Number(before), 2);
  });

  await t.step(
    "a slow answer holds up the requests queued after it, and its response stays invisible until then",
    async () => {
      await using worker = await start();
      const together = await sql.begin(async (
        sql,
      ) => [await queue(sql, `${base}/slow/400`), await queue(sql, `${base}/beside`)]);
      await until(() => callee.to("beside").length === 1);
      const behind = await post("behind");
      await pause(200);
      assert.equal(callee.to("behind").length, 0, "the next batch did not wait");
      assert.equal(await response(together[1]!), undefined, "a response was visible before its batch ended");
      assert.deepEqual(await queued(), [...together, behind], "a request looked sent before its batch ended");
      await worker.drain();
      assert.ok(callee.to("behind")[0]!.at - callee.to("slow/400")[0]!.at >= 400);
      const slow = (await response(together[0]!))!;
      assert.ok(slow.created.getTime() <= callee.to("slow/400")[0]!.at, "`created` is not when the batch began");
    },
  );

  await t.step("a batch holds as many requests as it is told", async () => {
    await using worker = await start({ batchSize: 2 });
    await sql.begin(async (sql) => {
      for (const path of ["slow/100", "slow/101", "third"]) await queue(sql, `${base}/${path}`);
    });
    await worker.drain();
    assert.ok(callee.to("third")[0]!.at - callee.to("slow/101")[0]!.at >= 100);
  });

  await t.step("a timeout gives the request up, not the callee", async () => {
    await using worker = await start();
    const id = await post("slow/300", { timeoutMs: 100 });
    await worker.drain();
    const { timed_out, status_code, error_msg } = (await response(id))!;
    assert.deepEqual([timed_out, status_code], [true, null]);
    assert.match(error_msg, /^Timeout of 100 ms reached\. Total time: 1\d\d\.\d+ ms/);
  });

  await t.step("the timeout is 5000 ms unless given", async () => {
    const [row] = await sql`select net.http_post('http://127.0.0.1:1') as id`;
    const [request] = await sql`select timeout_milliseconds from net.http_request_queue where id = ${row!.id}`;
    assert.equal(request!.timeout_milliseconds, 5000);
    await sql`truncate net.http_request_queue`;
  });

  await t.step("a callee that is not there is an error and not a timeout; nothing is tried again", async () => {
    await using worker = await start();
    const id = await queue(sql, `http://${NOBODY}/`);
    const ftp = await queue(sql, "ftp://127.0.0.1/");
    await worker.drain();
    const { timed_out, status_code, error_msg } = (await response(id))!;
    assert.deepEqual([timed_out, status_code, error_msg], [false, null, "Could not connect to server"]);
    assert.equal((await response(ftp))!.error_msg, "Unsupported protocol");
    assert.deepEqual(await queued(), []);
  });

  await t.step("a header whose value is null is dropped without a word", async () => {
    await using worker = await start();
    await sql`select net.http_post(${`${base}/bare`}, headers := jsonb_build_object('x-secret', null, 'x-other', 'here'))`;
    await worker.drain();
    const { headers } = callee.to("bare")[0]!;
    assert.deepEqual([headers["x-secret"], headers["x-other"]], [undefined, "here"]);
  });

  await t.step("a null URL and a URL that is none are refused where they are queued", async () => {
    await assert.rejects(sql`select net.http_post(null)`, { code: "23502" });
    await assert.rejects(sql`select net.http_post('example.com/hook')`, /bad\/illegal format/);
    await assert.rejects(
      sql`select net.http_post('http://x', headers := '{"content-type": "text/plain"}')`,
      /must be "application\/json"/,
    );
  });

  await t.step(
    "a POST is followed through a redirect as a GET, secret headers and all, to another host too",
    async () => {
      await using worker = await start();
      const headers = { "x-secret": "s3cret", authorization: "Bearer x" };
      await post("redirect/302", { headers });
      await queue(sql, `${base}/leave?to=${encodeURIComponent(`${elsewhere.url}/stranger`)}`, { headers });
      await worker.drain();
      const { method, headers: followed, body } = callee.to("target")[0]!;
      assert.deepEqual([method, followed["x-secret"], followed.authorization, body], ["GET", "s3cret", "Bearer x", ""]);
      const stranger = elsewhere.to("stranger")[0]!;
      assert.deepEqual([stranger.headers["x-secret"], stranger.headers.authorization], ["s3cret", undefined]);
    },
  );

  await t.step("responses are deleted after six hours, but only by a worker that is awake", async () => {
    await using _worker = await start();
    await pause(100);
    await sql`insert into net._http_response (id, created) values
      (-1, now() - interval '6 hours 1 minute'), (-2, now() - interval '5 hours 59 minutes')`;
    await pause(200);
    assert.notEqual(await response("-1"), undefined, "a sleeping worker deleted something");
    await post("wake");
    await until(async () => await response("-1") === undefined);
    assert.notEqual(await response("-2"), undefined);
  });

  await t.step("a worker that dies in a batch has sent it, and the next one sends it again", async () => {
    const dying = await startNetWorker({ dbUrl });
    const id = await post("slow/200");
    await until(() => callee.to("slow/200").length === 1);
    await dying.crash();
    assert.deepEqual(await queued(), [id]);
    await using worker = await start();
    await worker.drain();
    assert.equal(callee.to("slow/200").length, 2);
    assert.equal((await response(id))!.status_code, 200);
  });

  await t.step("every role may read what is queued, secrets included, and delete it", async () => {
    await sql`create role stranger`;
    await post("secret", { headers: { "x-secret": "s3cret" } });
    const rows = await asRole(sql, "stranger", (sql) => sql`delete from net.http_request_queue returning headers`);
    assert.equal(rows[0]!.headers["x-secret"], "s3cret");
  });

  await t.step("one can ask whether the worker is up", async () => {
    await assert.rejects(sql`select net.check_worker_is_up()`, { message: "the pg_net background worker is not up" });
    await using _worker = await start();
    await sql`select net.check_worker_is_up(), net.wait_until_running()`;
  });

  await t.step(
    "a crash of the server loses queue and responses and starts the ids anew; the worker carries on",
    async () => {
      const errors: unknown[] = [];
      await using worker = await start({ batchSize: 1, onError: (error) => errors.push(error) });
      await post("kept");
      await worker.drain();
      await sql.begin(async (sql) => [await queue(sql, `${base}/slow/301`), await queue(sql, `${base}/lost`)]);
      await until(() => callee.to("slow/301").length === 1);
      await server.crash();
      await until(() => errors.length > 0);
      assert.equal((await sql`select from net._http_response`).length, 0);
      assert.deepEqual(await queued(), []);
      assert.equal(await post("anew"), "1");
      await worker.drain();
      assert.deepEqual(["slow/301", "lost", "anew"].map((path) => callee.to(path).length), [1, 0, 1]);
    },
  );

  await t.step("a connection that is reset in the middle of a batch does not stop the worker", async () => {
    const errors: unknown[] = [];
    await using worker = await start({ onError: (error) => errors.push(error) });
    await post("slow/302");
    await until(() => callee.to("slow/302").length === 1);
    const [backend] = await sql`select pid from pg_stat_activity where application_name like 'pg_net%'`;
    // It dies with the worker's statement unread, so the operating system resets the connection.
    Deno.kill(backend!.pid, "SIGSTOP");
    await pause(600);
    Deno.kill(backend!.pid, "SIGKILL");
    await until(() => errors.length > 0);
    await until(() => sql`select`.then(() => true, () => false));
    await replaceLostConnections(sql);
    await post("revived");
    await worker.drain();
    assert.equal(callee.calls.at(-1)!.path, "/revived");
  });
});

async function queue(
  sql: postgres.ISql,
  url: string,
  { headers = {}, timeoutMs = 5000 }: { headers?: object; timeoutMs?: number } = {},
): Promise<string> {
  const [row] = await sql`
    select net.http_post(url := ${url}, headers := ${
    JSON.stringify(headers)
  }::text::jsonb, timeout_milliseconds := ${timeoutMs}) as id`;
  return row!.id;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
