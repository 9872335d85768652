import postgres from "postgres";
import type { CheckName } from "../../cli/doctor/finding.ts";
import { VERSION } from "../../functions/_shared/version.ts";
import { EVENTS } from "../../functions/_shared/rules/events.ts";
import type { EndpointName } from "../../local/stripe-simulator/endpoint.ts";
import type { WebhookEndpoint } from "../../local/stripe-simulator/webhooks.ts";
import type { Shop } from "../integration/support.ts";
import type { Proxy } from "./proxy.ts";

/** A shop behind two proxies, and a key that may do what it needs and nothing else. */
export type Patient = { shop: Shop; admin: postgres.Sql; gateway: Proxy; stripe: Proxy; env: Record<string, string> };

/** One fault: what is broken, the check that must report it, and a part of the expected message. */
export type PlantedFault = {
  name: string;
  check: CheckName;
  says: RegExp;
  args?: string[];
  plant(patient: Patient): unknown;
  heal(patient: Patient): unknown;
};

export const STRIPE_KEY = "rk_test_doctor";
const PERMITTED: { key: string; endpoints: EndpointName[] } = {
  key: STRIPE_KEY,
  endpoints: ["refunds.create", "events.list"],
};
const ORDER = "00000000-0000-4000-8000-000000000001";
const FUTURE = new Date(Date.now() + 3_600_000).toUTCString();

/** SQL that breaks something, and SQL that puts it right again. */
function inDatabase(name: string, check: CheckName, says: RegExp, [plant, heal]: [string, string]): PlantedFault {
  // Whoever changes a schedule has it in pg_cron under their own name, so that is for the owner to do.
  const run = (sql: string) => ({ admin, shop }: Patient) =>
    (sql.includes("lapse.schedules") ? shop.sql : admin).unsafe(sql).simple();
  return { name, check, says, plant: run(plant), heal: run(heal) };
}

function atGateway(name: string, check: CheckName, says: RegExp, tamper: Proxy["tamper"]): PlantedFault {
  return {
    name,
    check,
    says,
    plant: ({ gateway }) => void (gateway.tamper = tamper),
    heal: ({ gateway }) => void (gateway.tamper = {}),
  };
}

/** Another list of the account's endpoints than the one that sends everything. */
function atStripe(name: string, says: RegExp, endpoints: Partial<WebhookEndpoint>[]): PlantedFault {
  const plant = ({ shop, gateway }: Patient) =>
    shop.stripe.setWebhook(endpoints.map((it) => ({ ...endpointOf(gateway), ...it })));
  return {
    name,
    check: "stripe-webhook",
    says,
    plant,
    heal: ({ shop, gateway }) => shop.stripe.setWebhook(endpointOf(gateway)),
  };
}

/** What a shop has set up at Stripe for lapse-webhook. */
export function endpointOf(gateway: Proxy): WebhookEndpoint {
  return { url: `${gateway.url}/functions/v1/lapse-webhook`, secret: "whsec_of_the_endpoint_at_stripe" };
}

function inEnvironment(name: string, check: CheckName, says: RegExp, change: Record<string, string>): PlantedFault {
  const before: Record<string, string> = {};
  return {
    name,
    check,
    says,
    plant: ({ env }) => {
      for (const key of Object.keys(change)) before[key] = env[key]!;
      Object.assign(env, change);
    },
    heal: ({ env }) => void Object.assign(env, before),
  };
}

const on = (name: string) => `/functions/v1/${name}`;
const json = (status: number, body: unknown) => Response.json(body, { status });

/** Every fault the doctor knows, planted one at a time. */
export const FAULTS: PlantedFault[] = [
  inDatabase(
    "the database is of another release",
    "versions",
    /the database has release 0\.1\.9, .*npx supabase db push/,
    [
      `create or replace function lapse.version() returns text language sql immutable
     set search_path = pg_catalog, pg_temp as $$ select '0.1.9' $$`,
      `create or replace function lapse.version() returns text language sql immutable
     set search_path = pg_catalog, pg_temp as $$ select '${VERSION}' $$`,
    ],
  ),
  atGateway(
    "a function is of another release",
    "versions",
    /cleanup-\S+ is of release 0\.1\.9, .*functions deploy --use-api cleanup/,
    {
      response: (path, headers) =>
        path === on("cleanup-stale-payment-intents") && headers.set("x-lapse-version", "0.1.9"),
    },
  ),
  inDatabase("the adapter does not pass its self-test", "adapter", /gone.*enable --test/, [
    `alter function lapse_shop.lock_orders(text[], boolean) rename to real_lock_orders;
     create function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
     returns table (ref text, state text, units bigint, stripe_ids text[])
     language sql set search_path = pg_catalog, pg_temp as $$
       select * from lapse_shop.real_lock_orders(p_refs, p_wait) l where l.state <> 'gone'
     $$`,
    `drop function lapse_shop.lock_orders(text[], boolean);
     alter function lapse_shop.real_lock_orders(text[], boolean) rename to lock_orders`,
  ]),
  inDatabase("a migration is not applied", "migrations", /20261129004300_inspect/, [
    `delete from supabase_migrations.schema_migrations where version = '20261129004300'`,
    `insert into supabase_migrations.schema_migrations (version, name) values ('20261129004300', 'inspect')`,
  ]),
  inDatabase("an extension is old", "extensions", /pg_net is 0\.1, .*alter extension pg_net update/, [
    `update pg_extension set extversion = '0.1' where extname = 'pg_net'`,
    `update pg_extension set extversion = '0.20.4-standin' where extname = 'pg_net'`,
  ]),
  inDatabase("an extension is missing", "extensions", /missing: pg_net/, [
    `update pg_extension set extname = 'pg_net_gone' where extname = 'pg_net'`,
    `update pg_extension set extname = 'pg_net' where extname = 'pg_net_gone'`,
  ]),
  inDatabase("the functions' URL is missing", "vault", /lapse_functions_url is missing .*lapse -- enable$/, [
    `update vault.secrets set name = 'gone' where name = 'lapse_functions_url'`,
    `update vault.secrets set name = 'lapse_functions_url' where name = 'gone'`,
  ]),
  inDatabase("the scheduler's secret is missing", "vault", /lapse_scheduler_secret is missing .*lapse -- enable$/, [
    `update vault.secrets set name = 'gone' where name = 'lapse_scheduler_secret'`,
    `update vault.secrets set name = 'lapse_scheduler_secret' where name = 'gone'`,
  ]),
  inDatabase("the functions' URL is another project's", "vault", /names another project/, [
    `create table public.kept as select decrypted_secret as s from vault.decrypted_secrets where name = 'lapse_functions_url';
     select lapse.set_functions_url('https://other.supabase.co/functions/v1')`,
    `select lapse.set_functions_url((select s from public.kept)); drop table public.kept`,
  ]),
  inDatabase(
    "Vault's secret is not the functions' own",
    "vault",
    /lapse_scheduler_secret is not the LAPSE_SCHEDULER_SECRET/,
    [
      `create table public.kept as select decrypted_secret as s from vault.decrypted_secrets where name = 'lapse_scheduler_secret';
     select lapse.set_secret('lapse_scheduler_secret', repeat('x', 40))`,
      `select lapse.set_secret('lapse_scheduler_secret', (select s from public.kept)); drop table public.kept`,
    ],
  ),
  inDatabase("the alerts' webhook is not https", "vault", /lapse_alert_webhook_url is not https/, [
    `select vault.create_secret('http://hooks.example/x', 'lapse_alert_webhook_url')`,
    `delete from vault.secrets where name = 'lapse_alert_webhook_url'`,
  ]),
  inDatabase("pg_cron lost a schedule", "schedules", /pg_cron has no schedule for watch.*install_schedules/, [
    `update cron.job set jobname = 'gone' where jobname = 'lapse-watch'`,
    `update cron.job set jobname = 'lapse-watch' where jobname = 'gone'`,
  ]),
  inDatabase("pg_cron ticks at other times", "schedules", /another schedule or command for expire-stale-orders/, [
    `update cron.job set schedule = '0 0 * * *' where jobname = 'lapse-expire-stale-orders'`,
    `update cron.job set schedule = '*/5 * * * *' where jobname = 'lapse-expire-stale-orders'`,
  ]),
  inDatabase(
    "another role has a schedule as well",
    "schedules",
    /runs watch twice, for another role.*as that role: select cron\.unschedule/,
    [
      `select cron.schedule('lapse-watch', '* * * * *', 'call lapse.watch()')`,
      `select cron.unschedule('lapse-watch')`,
    ],
  ),
  inDatabase("a schedule is paused", "schedules", /paused: expire-stale-orders/, [
    `update lapse.schedules set active = false where job = 'expire-stale-orders'`,
    `update lapse.schedules set active = true where job = 'expire-stale-orders'`,
  ]),
  inDatabase("the watch stopped", "watch", /alerts cannot be trusted/, [
    `update lapse.schedules set changed_at = now() - interval '1 day' where job = 'watch';
     update lapse.watch_state set watched_at = now() - interval '1 hour'`,
    `update lapse.schedules set changed_at = now() where job = 'watch'; update lapse.watch_state set watched_at = now()`,
  ]),
  inDatabase("anon may read a view", "privileges", /anon may select table public\.lapse_runs/, [
    `grant select on public.lapse_runs to anon`,
    `select lapse.secure()`,
  ]),
  inDatabase("signed-in users may write a table", "privileges", /authenticated may update table lapse\.orders/, [
    `grant update on lapse.orders to authenticated`,
    `select lapse.secure()`,
  ]),
  inDatabase(
    "signed-in users may use a sequence",
    "privileges",
    /authenticated may usage sequence lapse\.alerts_id_seq/,
    [
      `grant usage on sequence lapse.alerts_id_seq to authenticated`,
      `select lapse.secure()`,
    ],
  ),
  inDatabase("signed-in users may call a function", "privileges", /authenticated may .*lapse_settle_orders/, [
    `grant execute on function public.lapse_settle_orders(uuid, bigint, jsonb) to authenticated`,
    `select lapse.secure()`,
  ]),
  inDatabase("the functions may not call what they need", "privileges", /service_role may not .*lapse_claim_orders/, [
    `revoke execute on function public.lapse_claim_orders(uuid, bigint, integer) from service_role`,
    `select lapse.secure()`,
  ]),
  inDatabase("row-level security is off", "privileges", /row-level security is off .*lapse\.decisions/, [
    `alter table lapse.decisions disable row level security`,
    `alter table lapse.decisions enable row level security`,
  ]),
  inDatabase("a policy lets everybody in", "privileges", /policy .*open.* on table lapse\.alerts/, [
    `create policy "open" on lapse.alerts for select to authenticated using (true)`,
    `drop policy "open" on lapse.alerts`,
  ]),
  inDatabase("the private schema is open", "privileges", /anon may .*schema lapse/, [
    `grant usage on schema lapse to anon`,
    `select lapse.secure()`,
  ]),
  inDatabase("a definer function lost its search path", "privileges", /lapse_health.* without a search path/, [
    `alter function public.lapse_health() reset search_path`,
    `alter function public.lapse_health() set search_path = pg_catalog, pg_temp`,
  ]),
  inDatabase("the shop has no adapter", "adapter", /lapse_shop\.contract_version.*lapse -- adapter/, [
    `alter function lapse_shop.contract_version() rename to gone`,
    `alter function lapse_shop.gone() rename to contract_version`,
  ]),
  inDatabase("the adapter is for another contract", "adapter", /version 7/, [
    `create or replace function lapse_shop.contract_version() returns integer language sql immutable as 'select 7'`,
    `create or replace function lapse_shop.contract_version() returns integer language sql immutable as 'select 1'`,
  ]),
  atGateway(
    "a function is not deployed",
    "cleanup-stale-payment-intents",
    /is not deployed.*functions deploy --use-api/,
    {
      request: (path) =>
        path === on("cleanup-stale-payment-intents")
          ? json(404, { code: "NOT_FOUND", message: "Not found" })
          : undefined,
    },
  ),
  atGateway("a function lets strangers in", "expire-stale-orders", /does not refuse strangers/, {
    request: (path) => path === on("expire-stale-orders") ? json(202, { runId: "x" }) : undefined,
  }),
  atGateway("a function does not start", "expire-stale-orders", /does not start: it answered 503/, {
    request: (path) => path === on("expire-stale-orders") ? json(503, { code: "BOOT_ERROR" }) : undefined,
  }),
  atGateway("the platform asks for a token first", "expire-stale-orders", /verify_jwt = false/, {
    request: (path) =>
      path === on("expire-stale-orders")
        ? json(401, { code: 401, message: "Missing authorization header" })
        : undefined,
  }),
  atGateway("a function has another scheduler's secret", "expire-stale-orders", /refuses the scheduler's secret/, {
    request: (path, headers) => {
      if (path === on("expire-stale-orders") && headers.has("x-lapse-secret")) headers.set("x-lapse-secret", "another");
    },
  }),
  atGateway("a function is misconfigured", "expire-stale-orders", /misconfigured: .*STRIPE_SECRET_KEY/, {
    request: (path, headers) =>
      path === on("expire-stale-orders") && headers.get("apikey")?.startsWith("sb_secret_")
        ? json(500, { error: { code: "configuration", message: "Cannot start: STRIPE_SECRET_KEY is not set" } })
        : undefined,
  }),
  atGateway("lapse-webhook has no secret", "lapse-webhook", /lacks a variable.*STRIPE_WEBHOOK_SECRET=VALUE/, {
    request: (path) =>
      path === on("lapse-webhook")
        ? json(500, { error: { code: "configuration", message: "The event has to come again" } })
        : undefined,
  }),
  atGateway("lapse-webhook takes anything", "lapse-webhook", /answered a forged event with 200/, {
    request: (path) => path === on("lapse-webhook") ? json(200, { received: true }) : undefined,
  }),
  atGateway("lapse-health cannot tell", "lapse-health", /cannot check the jobs: misconfigured/, {
    request: (path) =>
      path === on("lapse-health") ? json(503, { status: "unhealthy", reasons: ["misconfigured"] }) : undefined,
  }),
  atGateway("lapse-health is not deployed", "lapse-health", /is not deployed/, {
    request: (path) => path === on("lapse-health") ? json(404, {}) : undefined,
  }),
  atGateway("lapse-metrics is of another release", "versions", /lapse-metrics is of release 0\.1\.9/, {
    response: (path, headers) => path === on("lapse-metrics") && headers.set("x-lapse-version", "0.1.9"),
  }),
  atStripe(
    "no endpoint sends events",
    /no endpoint at Stripe sends events to \S+lapse-webhook.*under Webhooks, add/,
    [],
  ),
  atStripe("the endpoint is disabled", /is disabled.*enable it/, [{ status: "disabled" }]),
  atStripe("the endpoint lacks an event", /does not send charge\.refunded; .*refund\.failed/, [{
    types: EVENTS.filter((type) => !type.includes("refund")),
    payload: "thin",
  }]),
  {
    name: "Stripe's key is revoked",
    check: "stripe-key",
    says: /Stripe refuses it/,
    plant: ({ shop }) => shop.stripe.revokeKey({ key: STRIPE_KEY }),
    heal: ({ shop }) => {
      shop.stripe.restoreKey({ key: STRIPE_KEY });
      shop.stripe.forbidKey(PERMITTED);
    },
  },
  {
    name: "Stripe's key is of the wrong mode",
    check: "stripe-key",
    says: /it is a test key, and the jobs work live/,
    args: ["--mode", "live"],
    plant: () => {},
    heal: () => {},
  },
  inEnvironment("Stripe's key is none", "stripe-key", /it is neither a secret nor a restricted key/, {
    STRIPE_SECRET_KEY: "pk_test_1",
  }),
  {
    name: "Stripe's key may not cancel",
    check: "stripe-permissions",
    says: /may not write PaymentIntents/,
    plant: ({ shop }) =>
      shop.stripe.forbidKey({ ...PERMITTED, endpoints: [...PERMITTED.endpoints, "payment_intents.cancel"] }),
    heal: ({ shop }) => shop.stripe.forbidKey(PERMITTED),
  },
  {
    name: "Stripe's key may do too much",
    check: "stripe-permissions",
    says: /may also refund payments/,
    plant: ({ shop }) => shop.stripe.forbidKey({ ...PERMITTED, endpoints: ["events.list"] }),
    heal: ({ shop }) => shop.stripe.forbidKey(PERMITTED),
  },
  inEnvironment("Stripe's live key is unrestricted", "stripe-permissions", /a secret key may do everything/, {
    STRIPE_SECRET_KEY: "sk_live_doctor",
  }),
  {
    name: "a clock is an hour off",
    check: "clocks",
    says: /Stripe's clock is wrong/,
    plant: ({ stripe }) => void (stripe.tamper = { response: (_, headers) => headers.set("date", FUTURE) }),
    heal: ({ stripe }) => void (stripe.tamper = {}),
  },
  inDatabase("the last run failed", "runs", /L003 A run of expire-stale-orders failed/, [
    `insert into lapse.runs (job, trigger, status, finished_at, error)
     values ('expire-stale-orders', 'schedule', 'failed', now(), 'planted')`,
    `delete from lapse.runs where error = 'planted'`,
  ]),
  inDatabase("the function refused the scheduler", "runs", /L004 .*status 401/, [
    `insert into lapse.runs (job, trigger, status, finished_at, response_status, error)
     values ('expire-stale-orders', 'schedule', 'lost', now(), 401, 'planted')`,
    `delete from lapse.runs where error = 'planted'`,
  ]),
  inDatabase("an order has waited for too long", "runs", /L008 /, [
    `select public.place_order(p_currency => 'eur', p_amount => 1, p_items => '[{"sku": "mug", "quantity": 1}]',
       p_order_id => '${ORDER}', p_now => now() - interval '3 hours'); select lapse.fold_inbox(null, 100)`,
    `update lapse.orders set due_since = now(), next_check_at = now() + interval '1 day' where ref = '${ORDER}'`,
  ]),
  inDatabase("an order is not watched", "drift", new RegExp(ORDER), [
    `create table public.kept as select * from lapse.orders where ref = '${ORDER}'; delete from lapse.orders where ref = '${ORDER}'`,
    `insert into lapse.orders select * from public.kept; drop table public.kept`,
  ]),
  inDatabase("counters differ from decisions", "invariants", /L012 /, [
    `update lapse.metrics set stock_released_total = 7 where job = 'expire-stale-orders'`,
    `update lapse.metrics set stock_released_total = 0 where job = 'expire-stale-orders'`,
  ]),
  inDatabase("an order is quarantined", "alerts", /L010 /, [
    `update lapse.orders set status = 'quarantined', next_check_at = null where ref = '${ORDER}'`,
    `update lapse.orders set status = 'pending', next_check_at = now() + interval '1 day' where ref = '${ORDER}'`,
  ]),
  inDatabase("an alert of an event is open", "alerts", /L014 planted/, [
    `select lapse.raise_alert('late_payment:planted', null, 'critical', 'planted', '{}', now())`,
    `select lapse.resolve_alert('late_payment:planted', now())`,
  ]),
  // Last: lapse-health keeps its answer for some seconds.
  inDatabase("the settings are gone", "settings", /lapse\.settings has no row/, [
    `create table public.kept as select * from lapse.settings; delete from lapse.settings`,
    `insert into lapse.settings select * from public.kept; drop table public.kept`,
  ]),
];

export function permit({ shop }: Patient, less: EndpointName[] = []): void {
  shop.stripe.forbidKey({ ...PERMITTED, endpoints: [...PERMITTED.endpoints, ...less] });
}
