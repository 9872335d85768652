import assert from "node:assert/strict";
import { serveJob } from "../../functions/_shared/http/serve-job.ts";
import { createLog } from "../../functions/_shared/run/log.ts";
import { badTokens, generateTokenKeys, operatorToken } from "./tokens.ts";

const keys = await generateTokenKeys();
const SECRET = "a-secret-of-the-scheduler-0123456789-abc";
const SOUND: Record<string, string> = {
  // Nothing listens there: a request that reached the database would get another error.
  SUPABASE_URL: "http://127.0.0.1:9",
  SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: "sb_publishable_1" }),
  SUPABASE_SECRET_KEYS: JSON.stringify({ default: "sb_secret_1" }),
  SUPABASE_JWKS: JSON.stringify(keys.jwks),
  LAPSE_SCHEDULER_SECRET: SECRET,
  STRIPE_SECRET_KEY: "rk_test_1",
};

/** What is wrong, and which of the three ways in can still be checked, so that its callers hear of it. */
const BROKEN: [name: string, value: string, hears: ("scheduler" | "operator" | "key")[]][] = [
  ["LAPSE_SCHEDULER_SECRET", "", ["operator", "key"]],
  ["LAPSE_SCHEDULER_SECRET", "too-short-to-be-one", ["operator", "key"]],
  ["LAPSE_SCHEDULER_SECRET_PREVIOUS", "too-short-to-be-one", ["operator", "key"]],
  ["STRIPE_SECRET_KEY", "", ["scheduler", "operator", "key"]],
  ["STRIPE_SECRET_KEY", "pk_test_value-of-the-variable", ["scheduler", "operator", "key"]],
  ["STRIPE_API_BASE", "not-an-address-of-anything", ["scheduler", "operator", "key"]],
  ["SUPABASE_URL", "", ["scheduler"]],
  ["SUPABASE_SECRET_KEYS", "{not json", ["scheduler"]],
  ["SUPABASE_PUBLISHABLE_KEYS", "", ["scheduler"]],
  ["SUPABASE_JWKS", "{not json", ["scheduler"]],
];

/** With a body that starts nothing for any caller. */
async function ask(headers: HeadersInit, changed: Record<string, string>) {
  const variables: Record<string, string | undefined> = { ...SOUND, ...changed };
  const lines: string[] = [];
  const serve = serveJob({
    name: "expire-stale-orders",
    job: { usesStripe: true, work: () => Promise.reject(new Error("a run began")) },
    readVariable: (name) => variables[name],
    worker: { waitUntil: () => {}, retired: new AbortController().signal },
    log: createLog({}, (line) => void lines.push(line)),
  });
  const body = JSON.stringify({ force: true });
  const response = await serve(new Request("http://local.test/", { method: "POST", headers, body }));
  return { status: response.status, text: await response.text(), log: lines.join("\n") };
}

Deno.test("whatever is misconfigured, unauthenticated callers get the usual answer, and the log says what is wrong", async () => {
  const tokens = (await badTokens(keys)).filter(([, , status]) => status === 401).slice(0, 5);
  const strangers: HeadersInit[] = [
    {},
    { apikey: "sb_publishable_1" },
    { apikey: "wrong" },
    { "x-lapse-secret": "wrong" },
    { "x-lapse-secret": "" },
    ...tokens.map(([, token]) => ({ authorization: `Bearer ${token}` })),
  ];
  const usual = (await ask({}, {})).text;
  for (const [name, value] of BROKEN) {
    let told = false;
    for (const headers of strangers) {
      const { status, text, log } = await ask(headers, { [name]: value });
      assert.deepEqual([status, text], [401, usual], `${name}: ${JSON.stringify(headers)}`);
      told ||= log.includes(name);
    }
    // What only a run needs, the gate does not read.
    if (!name.startsWith("STRIPE_")) assert.ok(told, `nobody wrote that ${name} is wrong`);
  }
});

Deno.test("an authenticated caller learns which variable is wrong, and never its value", async () => {
  const callers = {
    scheduler: { "x-lapse-secret": SECRET },
    operator: { authorization: `Bearer ${await operatorToken(keys)}` },
    key: { apikey: "sb_secret_1" },
  };
  for (const headers of Object.values(callers)) assert.equal((await ask(headers, {})).status, 400, "nothing was wrong");
  for (const [name, value, hears] of BROKEN) {
    for (const caller of hears) {
      const { status, text } = await ask(callers[caller], { [name]: value });
      assert.equal(status, 500, `${name}, ${caller}: ${text}`);
      const { error } = JSON.parse(text);
      assert.equal(error.code, "configuration");
      assert.ok(error.message.includes(name), error.message);
      if (value) assert.ok(!text.includes(value), `${name}: the value was told`);
    }
  }
});
