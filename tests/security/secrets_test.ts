import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import type postgres from "postgres";
import { KINDS } from "../../local/demo/kinds.ts";
import { openShop } from "../../local/demo/shop.ts";
import { eventually, type Shop, withShop } from "../integration/support.ts";
import { findViews } from "../rest/attempts.ts";
import { assertCleanLogs, JOBS, send } from "./support.ts";
import { NOBODY } from "../support/nobody.ts";

const STRIPE_KEY = "sk_test_5ecretOfTheShopsStripeAccount";
const PREVIOUS_SECRET = "previous-secret-of-the-scheduler-0123456789";
const WEBHOOK_TOKEN = "T0KEN5ecretOfTheChatRoom";

Deno.test("after all kinds of operations no secret is in a log, a table or an answer", async () => {
  const functionsEnv = { STRIPE_SECRET_KEY: STRIPE_KEY, LAPSE_SCHEDULER_SECRET_PREVIOUS: PREVIOUS_SECRET };
  await withShop({ users: true, workers: { cron: { pollMs: 0 } }, functionsEnv, unchecked: true }, async (shop) => {
    const { sql, stack } = shop;
    const token = await signIn(shop, stack.operator!);
    const viewersToken = await signIn(shop, stack.viewer!);
    const answers = await dayOfEverything(shop, token, viewersToken);
    const clientSecrets = shop.stripe.paymentIntents({}).map(({ client_secret }) => client_secret);
    assert.ok(clientSecrets.length > 100 && clientSecrets.every((secret) => secret && secret.includes("_secret_")));
    const secrets: Record<string, string> = {
      "the scheduler's secret": stack.schedulerSecret,
      "the scheduler's secret of before": PREVIOUS_SECRET,
      "the secret key": stack.secretKey,
      "the database's password": decodeURIComponent(new URL(stack.database.url).password),
      "the Stripe key": STRIPE_KEY,
      "the operator's token": token,
      "the signature of the operator's token": token.split(".")[2]!,
      "the operator's password": stack.operator!.password,
      "the viewer's token": viewersToken,
      "the signature of the viewer's token": viewersToken.split(".")[2]!,
      "the viewer's password": stack.viewer!.password,
      "the webhook's token": WEBHOOK_TOKEN,
    };

    const tables = await everyTable(sql);
    const functionLogs = stack.functions.logs().map(({ line }) => line);
    assert.ok(tables.length > 20 && functionLogs.length > 10 && answers.length > 20);
    const serverLog = shop.serverLog();
    assert.ok(serverLog[0]!.includes("starting PostgreSQL"), "the server's log is kept from its first line on");
    assert.ok(serverLog.some((line) => line.includes(`STATEMENT:  ${MISTAKE}`)), "statements that failed are in it");
    const logs = [...functionLogs, ...serverLog];
    const [day] = await sql`select sum(orders_expired)::int as expired from lapse.runs`;
    assert.ok(day!.expired > 100, "the day was none of everything");
    const searched = Object.entries(secrets).flatMap(([what, secret]): [string, (text: string) => boolean][] =>
      [secret, btoa(secret), encodeURIComponent(secret)].map((form) => [what, (text) => text.includes(form)])
    );
    // Each intent's own secret has this in the middle, and nothing else has.
    searched.push(["a client secret", (text) => /_secret_\w/.test(text)]);
    for (const [what, holds] of searched) {
      assert.deepEqual(tables.filter(({ text }) => holds(text)).map(({ name }) => name), [], `${what} is in a table`);
      assert.deepEqual(logs.filter(holds), [], `${what} is in a log`);
      assert.deepEqual(answers.filter(holds), [], `${what} is in an answer`);
    }
    assertCleanLogs(shop);

    // The search finds what there is: Vault holds what it has to.
    const vault = await sql<{ text: string }[]>`select string_agg(s::text, ' ') as text from vault.decrypted_secrets s`;
    assert.ok(vault[0]!.text.includes(stack.schedulerSecret) && vault[0]!.text.includes(WEBHOOK_TOKEN));
  });
});

const MISTAKE = "select 'a mistake of an operator'::integer";

/** Orders of every kind, every caller, refusals, faults of Stripe, an alert to a webhook that does not answer. Returns every HTTP answer. */
async function dayOfEverything(shop: Shop, token: string, viewersToken: string): Promise<string[]> {
  const { sql, stack, stripe } = shop;
  const answers: string[] = [];
  const call = async (name: string, headers: Record<string, string>, body: unknown = {}) => {
    answers.push((await send(shop, name, { headers, body: JSON.stringify(body) })).text);
  };
  await sql`select lapse.set_alert_webhook(${`http://${NOBODY}/services/${WEBHOOK_TOKEN}`})`;
  await openShop(sql, stripe, KINDS, { livemode: false });

  await call(JOBS[0], { authorization: `Bearer ${token}` }, { dryRun: true, wait: true, limit: 20 });
  for (const kind of ["error_500", "error_502_html", "reset", "lock_timeout", "not_found", "forbidden"] as const) {
    stripe.addFault({ kind, endpoint: "payment_intents.retrieve", probability: 0.05, times: 2 });
  }
  await sql`select lapse.dispatch('expire-stale-orders')`;
  await stack.workers!.net!.drain();
  await eventually(
    async () => {
      const rows = await sql`select from lapse.runs where finished_at is null`;
      return rows.length === 0;
    },
    "the run of the scheduler has ended",
    60,
  );
  for (const name of JOBS) {
    await call(name, { apikey: stack.secretKey }, { wait: true });
    await call(name, { authorization: `Bearer ${token}`, apikey: stack.publishableKey }, {
      wait: true,
      reason: "by hand",
    });
    const [queued] = await sql`select lapse.dispatch(${name}) as id`;
    await call(name, { "x-lapse-secret": PREVIOUS_SECRET }, { wait: true, runId: queued!.id });
    await call(name, { "x-lapse-secret": `${stack.schedulerSecret}x` });
    await call(name, { authorization: `Bearer ${viewersToken}` });
    await call(name, { apikey: `${stack.secretKey}x` });
    await call(name, { authorization: `Bearer ${token}x` });
    await call(name, { authorization: `Bearer ${stack.secretKey}` });
    await call(name, { apikey: stack.secretKey }, { secret: stack.schedulerSecret, limit: stack.secretKey });
  }
  stripe.revokeKey({ key: STRIPE_KEY });
  await shop.addIntent(await shop.placeOrder());
  await call(JOBS[0], { apikey: stack.secretKey }, { wait: true });
  answers.push((await send(shop, "lapse-health", { method: "GET" })).text);

  // The watch calls the webhook several times, without an answer.
  for (let minute = 0; minute < 6; minute++) {
    const at = new Date(Date.now() + minute * 20 * 60_000).toISOString();
    await sql.unsafe(`call lapse.watch('${at}')`);
    await stack.workers!.net!.drain();
  }
  for (const { name } of await findViews(sql)) {
    for (const headers of [{ apikey: stack.secretKey }, { authorization: `Bearer ${viewersToken}` }] as HeadersInit[]) {
      const response = await fetch(`${stack.apiUrl}/rest/v1/${name}?limit=1000`, { headers });
      answers.push(await response.text());
    }
  }
  // Statements that fail, an operator's and those behind REST: PostgreSQL logs them.
  await assert.rejects(async () => void await sql.unsafe(MISTAKE), { code: "22P02" });
  for (const name of ["lapse_redrive_order", "lapse_sync_order", "lapse_attach_payment"]) {
    const response = await fetch(`${stack.apiUrl}/rest/v1/rpc/${name}`, {
      method: "POST",
      headers: { apikey: stack.secretKey, "content-type": "application/json" },
      body: JSON.stringify(
        name === "lapse_attach_payment"
          ? { p_ref: "an-order", p_stripe_id: "pi_1_secret_of-a-customer" }
          : { p_ref: "an-order", p_reason: "", p_requested_by: "x" },
      ),
    });
    answers.push(await response.text());
  }
  return answers;
}

/** Every row of every table as text: public, private, pg_cron's and pg_net's. Vault is for secrets, and Auth keeps its own. */
async function everyTable(sql: postgres.Sql): Promise<{ name: string; text: string }[]> {
  const names = await sql<{ name: string }[]>`
    select c.oid::regclass::text as name
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^(pg_|information_schema|vault|auth|supabase)' order by 1`;
  return await Promise.all(names.map(async ({ name }) => {
    const [row] = await sql.unsafe(`select coalesce(string_agg(t::text, e'\n'), '') as text from ${name} t`);
    return { name, text: row!.text as string };
  }));
}

async function signIn({ stack }: Shop, user: { email: string; password: string }): Promise<string> {
  const client = createClient(stack.apiUrl, stack.publishableKey, { auth: { persistSession: false } });
  const { data, error } = await client.auth.signInWithPassword(user);
  if (error) throw error;
  return data.session.access_token;
}
