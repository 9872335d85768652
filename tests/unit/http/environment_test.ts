import assert from "node:assert/strict";
import { parsePlatformEnvironment, parseStripeEnvironment } from "../../../functions/_shared/environment.ts";

const complete: Record<string, string> = {
  SUPABASE_URL: "https://project.supabase.test",
  SUPABASE_PUBLISHABLE_KEYS: '{"default":"sb_publishable_x"}',
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
  SUPABASE_JWKS: '{"keys":[]}',
  JOBS_SCHEDULER_SECRET: "s".repeat(32),
  STRIPE_SECRET_KEY: "sk_test_123",
};

function read(change: Record<string, string | undefined> = {}) {
  const variables = { ...complete, ...change };
  return (name: string) => variables[name];
}

Deno.test("a complete environment is parsed", () => {
  const platform = parsePlatformEnvironment(read());
  assert.deepEqual(platform.secretKeys, { default: "sb_secret_x" });
  assert.deepEqual(platform.schedulerSecrets, ["s".repeat(32)]);
  assert.deepEqual(parseStripeEnvironment(read()), { secretKey: "sk_test_123", apiBase: undefined });
});

Deno.test("two scheduler secrets are accepted while one is being replaced", () => {
  const { schedulerSecrets } = parsePlatformEnvironment(read({ JOBS_SCHEDULER_SECRET_PREVIOUS: "p".repeat(32) }));
  assert.deepEqual(schedulerSecrets, ["s".repeat(32), "p".repeat(32)]);
});

for (const name of ["SUPABASE_URL", "SUPABASE_SECRET_KEYS", "JOBS_SCHEDULER_SECRET"]) {
  for (const [how, value] of [["missing", undefined], ["empty", ""]] as const) {
    Deno.test(`a ${how} ${name} stops the run and is named`, () => {
      assert.throws(() => parsePlatformEnvironment(read({ [name]: value })), new RegExp(`${name} is not set`));
    });
  }
}

const malformed: [string, string][] = [
  ["SUPABASE_URL", "nowhere"],
  ["SUPABASE_SECRET_KEYS", "sb_secret_plain"],
  ["SUPABASE_SECRET_KEYS", "{}"],
  ["SUPABASE_JWKS", "not json"],
  ["JOBS_SCHEDULER_SECRET", "too-short-to-be-a-secret"],
  ["JOBS_SCHEDULER_SECRET_PREVIOUS", "tiny"],
];
for (const [name, value] of malformed) {
  Deno.test(`a malformed ${name} (${value}) stops the run, and its value is not repeated`, () => {
    assert.throws(() => parsePlatformEnvironment(read({ [name]: value })), (error: Error) => {
      assert.match(error.message, new RegExp(`${name} is malformed`));
      assert.ok(!error.message.includes(value), error.message);
      return true;
    });
  });
}

for (const value of ["pk_test_1", "whsec_1", "sk_test_", "sk_prod_1"]) {
  Deno.test(`${value} is no key to call Stripe with`, () => {
    assert.throws(() => parseStripeEnvironment(read({ STRIPE_SECRET_KEY: value })), /STRIPE_SECRET_KEY is malformed/);
  });
}

Deno.test("a Stripe base that is no URL is refused", () => {
  assert.throws(() => parseStripeEnvironment(read({ STRIPE_API_BASE: "ftp://x" })), /STRIPE_API_BASE is malformed/);
});
