import assert from "node:assert/strict";
import { type Shop, withShop } from "../integration/support.ts";
import { assertCleanLogs, JOBS, send, traces } from "./support.ts";

Deno.test("only POST starts a run, whatever else the request says of its method", async () => {
  await withShop({}, async (shop) => {
    const before = await traces(shop);
    const apikey = shop.stack.secretKey;
    const overrides = ["x-http-method-override", "x-http-method", "x-method-override"];
    for (const name of JOBS) {
      for (const method of ["GET", "HEAD", "PUT", "PATCH", "DELETE", "PROPFIND"]) {
        for (const headers of [{ apikey }, { apikey, ...Object.fromEntries(overrides.map((it) => [it, "POST"])) }]) {
          const answer = await send(shop, `${name}?_method=POST`, { method, headers });
          assert.equal(answer.status, 405, method);
          assert.equal(answer.headers.get("allow"), "POST");
        }
      }
    }
    assert.deepEqual(await traces(shop), before);
    // And what may start a run is not turned into something else.
    const headers = { apikey, "x-http-method-override": "GET" };
    assert.equal((await send(shop, JOBS[0], { headers })).status, 202);
  });
});

Deno.test("a page in a browser may call with a user's token, never with the scheduler's secret, and no cookie counts", async () => {
  await withShop({}, async (shop) => {
    const before = await traces(shop);
    for (const name of [...JOBS, "lapse-health"]) {
      const preflight = { origin: "https://evil.example", "access-control-request-method": "POST" };
      const answer = await send(shop, name, { method: "OPTIONS", headers: preflight });
      assert.equal(answer.status, 204);
      assert.equal(answer.headers.get("access-control-allow-origin"), "*");
      assert.equal(answer.headers.get("access-control-allow-credentials"), null);
      assert.doesNotMatch(answer.headers.get("access-control-allow-headers") ?? "", /x-lapse-secret|\*/);
    }
    assert.deepEqual(await traces(shop), before);
  });
});

Deno.test("an unauthenticated caller learns nothing by any method or path, not even the names of fields", async () => {
  await withShop({}, async (shop) => {
    const before = await traces(shop);
    for (
      const path of ["", "/", "/..", "/%2e%2e/lapse-health", "?apikey=x", "/rest/v1/orders", "//", "/index.ts", "/.env"]
    ) {
      for (const name of JOBS) {
        const answer = await send(shop, `${name}${path}`, { body: '{"force":true}' });
        assert.ok([401, 404, 405].includes(answer.status), `${path}: ${answer.status}`);
        assert.doesNotMatch(answer.text, /force|runId|dryRun/);
      }
    }
    for (const name of ["_shared", "_shared/http", "..%2f..%2flocal", "EXPIRE-STALE-ORDERS", "deno.json", "%00"]) {
      assert.equal((await send(shop, name, {})).status, 404, name);
    }
    assert.deepEqual(await traces(shop), before);
  });
});

Deno.test("health is one word and codes, public and read-only", async () => {
  await withShop({}, async (shop) => {
    for (const method of ["POST", "PUT", "DELETE"]) {
      assert.equal((await send(shop, "lapse-health", { method })).status, 405, method);
    }
    const head = await send(shop, "lapse-health", { method: "HEAD" });
    assert.deepEqual([head.text, [200, 503].includes(head.status)], ["", true]);
    for (const path of ["", "?reasons=%0a", "/orders"]) {
      const answer = await send(shop, `lapse-health${path}`, { method: "GET", headers: { "x-lapse-secret": "wrong" } });
      assert.ok([200, 503].includes(answer.status));
      const { status, reasons = [], ...rest } = JSON.parse(answer.text);
      assert.deepEqual([rest, typeof status], [{}, "string"]);
      for (const reason of reasons) assert.match(reason, /^[a-z_]+$/);
    }
    assertCleanLogs(shop);
  });
});

Deno.test("headers cannot be split, and two headers of one name are not merged", async () => {
  await withShop({}, async (shop) => {
    const { schedulerSecret, secretKey } = shop.stack;
    const before = await traces(shop);
    const attempts = [
      // a second header hidden in the first one's value
      ["x-lapse-secret: wrong\rx-lapse-secret: " + schedulerSecret],
      ["x-lapse-secret: wrong\nx-lapse-secret: " + schedulerSecret, 401],
      ["x-lapse-secret: wrong\r\n x-lapse-secret: " + schedulerSecret],
      [`x-lapse-secret: ${schedulerSecret}\r\nx-lapse-secret: wrong`, 401],
      [`x-lapse-secret: wrong\r\nx-lapse-secret: ${schedulerSecret}`, 401],
      [`x-lapse-secret: wrong\r\napikey: ${secretKey}`, 401],
      [`x-lapse-secret : ${schedulerSecret}`],
      [`x-lapse-secret: ${schedulerSecret}\0`],
      [`apikey: ${secretKey}\r\napikey: ${secretKey}`, 401],
    ] as [string, number?][];
    for (const name of JOBS) {
      for (const [headers, status] of attempts) {
        const answered = await sendRaw(shop, name, headers);
        assert.ok(
          status === undefined ? answered >= 400 && answered < 500 : answered === status,
          `${JSON.stringify(headers)}: ${answered}`,
        );
      }
    }
    assert.deepEqual(await traces(shop), before);
    for (const name of JOBS) {
      // 404: admitted, but the run is not queued.
      const answered = await sendRaw(shop, name, `x-lapse-secret: ${schedulerSecret}`);
      assert.equal(answered, 404, "the way works for a request that is in order");
    }
    assertCleanLogs(shop);
  });
});

Deno.test("whatever a caller sends, the log has one JSON object per line and does not repeat the input", async () => {
  await withShop({}, async (shop) => {
    const mark = "injected-by-a-caller";
    const odd = `${mark}","level":"error","event":"forged"}`;
    const line = `\u2028${odd}\u2029\u0085`;
    const apikey = shop.stack.secretKey;
    for (const name of JOBS) {
      await send(shop, name, { headers: { apikey }, body: JSON.stringify({ wait: true, reason: odd }) });
      await send(shop, name, { headers: { apikey }, body: JSON.stringify({ wait: true, reason: `a${line}` }) });
      await send(shop, name, { headers: { apikey }, body: JSON.stringify({ runId: `${odd}\n{}` }) });
      await send(shop, name, { headers: { apikey: odd, "user-agent": odd, "x-request-id": odd }, body: odd });
      await send(shop, `${name}/${encodeURIComponent(line)}`, { headers: { apikey }, body: `{"${mark}":1}` });
    }
    const lines = shop.stack.functions.logs().map((entry) => entry.line);
    assert.ok(lines.length > 0);
    assertCleanLogs(shop);
    assert.deepEqual(lines.filter((entry) => entry.includes(mark)), []);
  });
});

/** A request as bytes, because no client would send it. Answers the status. */
async function sendRaw({ stack }: Shop, name: string, headers: string): Promise<number> {
  const { hostname, port, host } = new URL(stack.apiUrl);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const request = `POST /functions/v1/${name} HTTP/1.1\r\nhost: ${host}\r\n${headers}\r\n` +
    "content-length: 2\r\nconnection: close\r\n\r\n{}";
  await connection.write(new TextEncoder().encode(request));
  const answer = await new Response(connection.readable).text().catch(() => "");
  return Number(answer.match(/^HTTP\/1\.1 (\d{3})/)?.[1] ?? 400);
}
