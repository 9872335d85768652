import assert from "node:assert/strict";
import { readText } from "../rules/project-files.ts";
import { passGate } from "../../functions/_shared/http/gate.ts";
import { badTokens, generateTokenKeys, operatorToken } from "./tokens.ts";

const keys = await generateTokenKeys();
const CURRENT = "current-secret-of-the-scheduler-0123456789";
const PREVIOUS = "previous-secret-of-the-scheduler-0123456789";
const environment = {
  // Nothing listens there: a gate that made a call would refuse.
  SUPABASE_URL: "http://127.0.0.1:9",
  SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: "sb_publishable_1" }),
  SUPABASE_SECRET_KEYS: JSON.stringify({ default: "sb_secret_1", ci: "sb_secret_2" }),
  SUPABASE_JWKS: JSON.stringify(keys.jwks),
  LAPSE_SCHEDULER_SECRET: CURRENT,
  LAPSE_SCHEDULER_SECRET_PREVIOUS: PREVIOUS,
};

function knock(headers: HeadersInit, changed: Record<string, string> = {}) {
  const variables: Record<string, string | undefined> = { ...environment, ...changed };
  return passGate(new Request("http://local.test/", { method: "POST", headers }), (name) => variables[name]);
}

Deno.test("the gate admits the scheduler, an operator and each secret key, and identifies them", async () => {
  const callers: [HeadersInit, string, RegExp][] = [
    [{ "x-lapse-secret": CURRENT }, "schedule", /^pg_cron$/],
    [{ "x-lapse-secret": PREVIOUS }, "schedule", /^pg_cron$/],
    [{ authorization: `Bearer ${await operatorToken(keys)}` }, "operator", /^[0-9a-f-]{36}$/],
    [{ authorization: `Bearer ${await operatorToken(keys)}`, apikey: "sb_publishable_1" }, "operator", /./],
    [{ apikey: "sb_secret_1" }, "server", /^key:default$/],
    [{ apikey: "sb_secret_2" }, "server", /^key:ci$/],
  ];
  for (const [headers, trigger, requestedBy] of callers) {
    const { caller, refusal } = await knock(headers);
    assert.equal(refusal, null);
    assert.equal(caller!.trigger, trigger);
    assert.match(caller!.requestedBy, requestedBy);
  }
});

for (const [what, token, status] of await badTokens(keys)) {
  Deno.test(`a token is refused with ${status}: ${what}`, async () => {
    const { refusal } = await knock({ authorization: `Bearer ${token}` });
    assert.equal(refusal?.status, status);
    // The publishable key beside it, as browsers send it, changes nothing.
    const beside = await knock({ authorization: `Bearer ${token}`, apikey: "sb_publishable_1" });
    assert.equal(beside.refusal?.status, status);
  });
}

const STRANGERS: [string, HeadersInit][] = [
  ["nothing", {}],
  ["the publishable key", { apikey: "sb_publishable_1" }],
  ["a guessed key", { apikey: "sb_secret_3" }],
  ["half of a secret key", { apikey: "sb_secret_" }],
  ["an empty key", { apikey: "" }],
  ["the name of a key", { apikey: "default" }],
  ["both keys in one header", [["apikey", "sb_publishable_1"], ["apikey", "sb_secret_1"]]],
  ["the secret key as a bearer", { authorization: "Bearer sb_secret_1" }],
  ["the scheduler's secret as a bearer", { authorization: `Bearer ${CURRENT}` }],
  ["the scheduler's secret as a key", { apikey: CURRENT }],
  ["basic credentials", { authorization: `Basic ${btoa("operator:operator")}` }],
  ["an empty bearer", { authorization: "Bearer " }],
  ["an empty scheduler secret", { "x-lapse-secret": "" }],
  ["a scheduler secret in capitals", { "x-lapse-secret": CURRENT.toUpperCase() }],
  ["the first letters of the scheduler secret", { "x-lapse-secret": CURRENT.slice(0, -1) }],
  ["the scheduler secret and a letter", { "x-lapse-secret": `${CURRENT}x` }],
  ["both scheduler secrets in one header", [["x-lapse-secret", CURRENT], ["x-lapse-secret", PREVIOUS]]],
  ["the secret key as scheduler secret", { "x-lapse-secret": "sb_secret_1" }],
  ["__proto__ as a key", { apikey: "__proto__" }],
];

for (const [what, headers] of STRANGERS) {
  Deno.test(`a caller with ${what} is refused with 401`, async () => {
    assert.equal((await knock(headers)).refusal?.status, 401);
  });
}

Deno.test("a wrong scheduler secret never falls through to another way in", async () => {
  for (const secret of ["", "wrong", CURRENT.slice(1)]) {
    for (const [name, value] of [["apikey", "sb_secret_1"], ["authorization", `Bearer ${await operatorToken(keys)}`]]) {
      assert.equal((await knock({ "x-lapse-secret": secret, [name!]: value! })).refusal?.status, 401);
    }
  }
});

Deno.test("after a rotation the old secret is refused", async () => {
  const { refusal } = await knock({ "x-lapse-secret": PREVIOUS }, { LAPSE_SCHEDULER_SECRET_PREVIOUS: "" });
  assert.equal(refusal?.status, 401);
});

Deno.test("a revoked secret key and a token of a revoked signing key are refused", async () => {
  const next = await generateTokenKeys();
  const one = await knock({ apikey: "sb_secret_2" }, { SUPABASE_SECRET_KEYS: '{"default":"sb_secret_1"}' });
  assert.equal(one.refusal?.status, 401);
  const authorization = `Bearer ${await operatorToken(keys)}`;
  const two = await knock({ authorization }, { SUPABASE_JWKS: JSON.stringify(next.jwks) });
  assert.equal(two.refusal?.status, 401);
});

Deno.test("every refused caller gets the same answer, whichever credential was tried", async () => {
  const token = (await badTokens(keys)).find(([, , status]) => status === 401)![1];
  const tried: HeadersInit[] = [{}, { apikey: "x" }, { "x-lapse-secret": "x" }, { authorization: `Bearer ${token}` }];
  const answers = await Promise.all(tried.map(async (headers) => JSON.stringify((await knock(headers)).refusal)));
  assert.equal(new Set(answers).size, 1, answers.join("\n"));
});

// Time is compared by construction: a measurement would fail on a busy machine and pass on a bad day.
Deno.test("the scheduler's secret is compared by digest, in constant time, against every candidate", async () => {
  const source = await readText("functions/_shared/http/gate.ts");
  const body = source.match(/async function matchesAny\([^]*?\n}\n/)?.[0] ?? "";
  assert.match(body, /matches = timingSafeEqual\(digest, await sha256\(secret\)\) \|\| matches;/);
  const comparison = source.match(/function timingSafeEqual\([^]*?\n}\n/)?.[0] ?? "";
  assert.match(comparison, /\) difference \|= one\[at\]! \^ other\[at\]!;/);
  assert.doesNotMatch(comparison, /\bif\b|\?|&&|\|\||break/, "no branch in the comparison");
  assert.equal(comparison.match(/return/g)?.length, 1, "one way out, after the last byte");
  assert.equal(body.match(/return/g)?.length, 1, "one way out, after the last candidate");
  assert.doesNotMatch(source, /shown [!=]==? (?!null)|shown\.|secret\./);
  assert.match(source, /crypto\.subtle\.digest\("SHA-256"/);
});
