import assert from "node:assert/strict";
import { parseProject, parseSchedulerSecrets, parseStripe } from "../../../functions/_shared/environment.ts";

const complete: Record<string, string> = {
  SUPABASE_URL: "https://project.supabase.test",
  SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
  SUPABASE_JWKS: '{"keys":[]}',
  LAPSE_SCHEDULER_SECRET: "s".repeat(32),
  STRIPE_SECRET_KEY: "sk_test_123",
};

function read(change: Record<string, string | undefined> = {}) {
  const variables = { ...complete, ...change };
  return (name: string) => variables[name];
}

function parseAll(change: Record<string, string | undefined>) {
  const readVariable = read(change);
  return [parseProject(readVariable), parseSchedulerSecrets(readVariable), parseStripe(readVariable)];
}

Deno.test("a complete environment is parsed", () => {
  assert.deepEqual(parseProject(read()), {
    url: "https://project.supabase.test",
    publishableKeys: { default: "sb_publishable_x" },
    secretKeys: { default: "sb_secret_x" },
    jwks: { keys: [] },
  });
  assert.deepEqual(parseSchedulerSecrets(read()), ["s".repeat(32)]);
  assert.deepEqual(parseStripe(read()), { secretKey: "sk_test_123", apiBase: undefined });
});

Deno.test("without an inline key set the project's own is fetched", () => {
  assert.equal("jwks" in parseProject(read({ SUPABASE_JWKS: undefined })), false);
});

Deno.test("values are trimmed, as pasted secrets end in line breaks", () => {
  assert.equal(parseStripe(read({ STRIPE_SECRET_KEY: " sk_test_123\r\n" })).secretKey, "sk_test_123");
  assert.deepEqual(parseSchedulerSecrets(read({ LAPSE_SCHEDULER_SECRET: `\t${"s".repeat(32)}\n` })), ["s".repeat(32)]);
  assert.equal(parseProject(read({ SUPABASE_URL: "https://project.supabase.test\n" })).url, complete.SUPABASE_URL);
});

Deno.test("two scheduler secrets are accepted while one is being replaced", () => {
  const secrets = parseSchedulerSecrets(read({ LAPSE_SCHEDULER_SECRET_PREVIOUS: "p".repeat(32) }));
  assert.deepEqual(secrets, ["s".repeat(32), "p".repeat(32)]);
});

for (const name of ["SUPABASE_URL", "SUPABASE_SECRET_KEYS", "LAPSE_SCHEDULER_SECRET", "STRIPE_SECRET_KEY"]) {
  for (const [how, value] of [["missing", undefined], ["empty", ""], ["blank", " \n"]] as const) {
    Deno.test(`a ${how} ${name} stops the run and is named`, () => {
      assert.throws(() => parseAll({ [name]: value }), new RegExp(`${name} is not set`));
    });
  }
}

const malformed: [string, string][] = [
  ["SUPABASE_URL", "nowhere"],
  ["SUPABASE_SECRET_KEYS", "sb_secret_plain"],
  ["SUPABASE_SECRET_KEYS", "{}"],
  ["SUPABASE_JWKS", "not json"],
  ["LAPSE_SCHEDULER_SECRET", "too-short-to-be-a-secret"],
  ["LAPSE_SCHEDULER_SECRET_PREVIOUS", "tiny"],
  ["STRIPE_SECRET_KEY", "pk_test_1"],
  ["STRIPE_SECRET_KEY", "whsec_1"],
  ["STRIPE_SECRET_KEY", "sk_test_"],
  ["STRIPE_SECRET_KEY", "sk_prod_1"],
  ["STRIPE_API_BASE", "ftp://x"],
];
for (const [name, value] of malformed) {
  Deno.test(`a malformed ${name} (${value}) stops the run, and its value is not repeated`, () => {
    assert.throws(() => parseAll({ [name]: value }), (error: Error) => {
      assert.match(error.message, new RegExp(`${name} is malformed`));
      assert.ok(!error.message.includes(value), error.message);
      return true;
    });
  });
}
