import assert from "node:assert/strict";
import { type Shop, withShop } from "../integration/support.ts";
import { type Answer, assertCleanLogs, JOBS, send, traces } from "./support.ts";

const KEY = "6f2c7f6e-1a53-4a0e-9c3a-111111111111";
const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

/** Bodies that a caller with every right may send by mistake, or on purpose. The field is the one the answer names. */
const BODIES: [what: string, body: BodyInit, field: string][] = [
  ["no JSON", "runId=1", "body"],
  ["half of an object", '{"wait":true', "body"],
  ["two objects", "{}{}", "body"],
  ["a comment", "{/* */}", "body"],
  ["XML", "<wait>true</wait>", "body"],
  ["a form", new URLSearchParams({ dryRun: "true" }), "body"],
  ["bytes that are no text", new Uint8Array([0xff, 0xfe, 0x7b, 0x00]), "body"],
  ["text in UTF-16", new Uint8Array([0x7b, 0x00, 0x7d, 0x00]), "body"],
  ["null", "null", "body"],
  ["a list", '[{"dryRun":true}]', "body"],
  ["a text", '"dryRun"', "body"],
  ["lists in lists, as deep as the limit of size allows", nested(4_990), "body"],
  ["a field that is deep", `{"reason":${nested(4_980)}}`, "reason"],
  ["an object where a text belongs", '{"reason":{"toString":"x"}}', "reason"],
  ["a list where a number belongs", '{"limit":[1]}', "limit"],
  ["a number beyond all", '{"limit":1e400}', "limit"],
  ["a negative number", '{"limit":-1}', "limit"],
  ["a number where a flag belongs", '{"dryRun":1}', "dryRun"],
  ["null where a flag belongs", '{"wait":null}', "wait"],
  ["__proto__", '{"__proto__":{"dryRun":true,"limit":1}}', "__proto__"],
  ["constructor", '{"constructor":{"prototype":{"dryRun":true}}}', "constructor"],
  ["a field of the run's row", '{"trigger":"schedule"}', "trigger"],
  ["a field in another spelling", '{"dry_run":true}', "dry_run"],
  ["the same field twice", '{"dryRun":true,"dryRun":false}', "body"],
  ["the same field twice, once in disguise", '{"dryRun":true,"dry\\u0052un":false}', "body"],
  ["a run id with a line break", `{"runId":"${KEY}\\n"}`, "runId"],
  ["a run id with SQL", `{"runId":"${KEY}'; drop table orders; --"}`, "runId"],
  ["a reason with a NUL, which PostgreSQL stores nowhere", '{"reason":"a\\u0000b"}', "reason"],
  ["a reason with a line break", '{"reason":"a\\n{\\"level\\":\\"error\\"}"}', "reason"],
  ["a reason that steers an operator's terminal", '{"reason":"a\\u001b[2Jb"}', "reason"],
  ["a reason with half a character", '{"reason":"a\\ud800b"}', "reason"],
  ["a reason of 501 characters", `{"reason":"${"x".repeat(501)}"}`, "reason"],
];

Deno.test("an unusable body is refused with the field's name, starts nothing, and none of its values is echoed", async () => {
  await withShop({}, async (shop) => {
    const headers = { apikey: shop.stack.secretKey };
    const before = await traces(shop);
    for (const name of JOBS) {
      for (const [what, body, field] of BODIES) {
        const answer = await send(shop, name, { headers, body });
        assert.equal(answer.status, 400, `${what}: ${answer.text}`);
        assert.equal(JSON.parse(answer.text).error.issues[0].field, field, what);
        assert.ok(answer.text.length < 500, what);
      }
    }
    assert.deepEqual(await traces(shop), before);
    assert.equal(({} as Record<string, unknown>).dryRun, undefined);
    assertCleanLogs(shop);
  });
});

Deno.test("a body beyond the limit is refused with 413 while it is still arriving, whatever its Content-Length", async () => {
  await withShop({}, async (shop) => {
    for (const name of JOBS) {
      const streamed = await stream(shop, name, { apikey: shop.stack.secretKey });
      assert.equal(streamed.answer.status, 413, streamed.answer.text);
      assert.ok(streamed.sent < 64, `${streamed.sent} MiB were taken`);
      const declared = await send(shop, name, { headers: { apikey: shop.stack.secretKey }, body: " ".repeat(10_001) });
      assert.equal(declared.status, 413);
    }
    assert.equal((await traces(shop)).stripeCalls, 0);
  });
});

Deno.test("an unauthenticated caller's body is not read", async () => {
  await withShop({}, async (shop) => {
    for (const name of JOBS) {
      const { answer, sent } = await stream(shop, name, {});
      assert.equal(answer.status, 401);
      assert.ok(sent < 64, `${sent} MiB were taken`);
    }
  });
});

/** Sends up to 64 MiB in pieces, without a length. */
async function stream(shop: Shop, name: string, headers: HeadersInit): Promise<{ answer: Answer; sent: number }> {
  let sent = 0;
  const piece = new TextEncoder().encode(" ".repeat(1 << 20));
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === 64) return controller.close();
      sent += 1;
      controller.enqueue(piece);
    },
  });
  return { answer: await send(shop, name, { headers, body }), sent };
}
