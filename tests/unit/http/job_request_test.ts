import assert from "node:assert/strict";
import type { Caller } from "../../../functions/_shared/http/gate.ts";
import { parseJobRequest } from "../../../functions/_shared/http/job-request.ts";

const operator = { trigger: "operator", requestedBy: "someone" } as const;
const scheduler = { trigger: "schedule", requestedBy: "pg_cron" } as const;

function parse(body: string | null, caller: Caller = operator) {
  return parseJobRequest(new Request("http://local.test", { method: "POST", body }), caller);
}

Deno.test("an empty body asks for a plain run with a new id", async () => {
  for (const body of [null, "", "  ", "{}"]) {
    const { request } = await parse(body);
    assert.match(request!.runId, /^[0-9a-f-]{36}$/);
    assert.deepEqual({ ...request, runId: "" }, {
      runId: "",
      wait: false,
      dryRun: false,
      limit: null,
      releaseBrake: false,
      reason: null,
    });
  }
});

Deno.test("every field of a request is parsed", async () => {
  const asked = {
    runId: "6f2c7f6e-1a53-4a0e-9c3a-111111111111",
    wait: true,
    dryRun: true,
    limit: 5,
    releaseBrake: true,
    reason: "sale is over",
  };
  const { request } = await parse(JSON.stringify(asked));
  assert.deepEqual(request, asked);
});

const refused: [string, string, string, RegExp][] = [
  ["an unknown key", '{"force":true}', "force", /unknown field/],
  ["a limit of zero", '{"limit":0}', "limit", /./],
  ["a limit out of range", '{"limit":100001}', "limit", /./],
  ["a fraction as limit", '{"limit":1.5}', "limit", /./],
  ["a number as text", '{"limit":"5"}', "limit", /./],
  ["a run id that is no UUID", '{"runId":"1"}', "runId", /./],
  ["text instead of a boolean", '{"wait":"yes"}', "wait", /./],
  ["an empty reason", '{"reason":"  "}', "reason", /./],
  ["a list instead of an object", "[]", "body", /./],
  ["no JSON", "{", "body", /not JSON/],
  ["a field that is named twice", '{"dryRun":true,"dryRun":false}', "body", /twice/],
  ["a reason that steers a terminal", '{"reason":"\\u001b[2J"}', "reason", /control character/],
  ["releasing the brake without a reason", '{"releaseBrake":true}', "reason", /required/],
];

for (const [what, body, field, reason] of refused) {
  Deno.test(`${what} is refused with 400, naming ${field}`, async () => {
    const { status, issues } = await parse(body);
    assert.equal(status, 400);
    assert.equal(issues![0]!.field, field);
    assert.match(issues![0]!.reason, reason);
  });
}

Deno.test("the scheduler cannot release the brake", async () => {
  assert.equal((await parse('{"releaseBrake":true,"reason":"x"}', scheduler)).status, 403);
});

Deno.test("connecting functions and database needs a secret key and starts no run", async () => {
  const server = { trigger: "server", requestedBy: "key:default" } as const;
  assert.equal((await parse('{"connect":true}', server)).request?.connect, true);
  assert.equal((await parse('{"connect":true}')).status, 403);
  assert.equal((await parse('{"connect":true}', scheduler)).status, 403);
  assert.equal((await parse('{"connect":true,"wait":true}', server)).status, 400);
  assert.equal((await parse('{"connect":false}', server)).status, 400);
});

Deno.test("a body over 10,000 bytes is refused with 413 before it is parsed", async () => {
  assert.equal((await parse(`{"reason":"${"x".repeat(10_001)}"}`)).status, 413);
});
