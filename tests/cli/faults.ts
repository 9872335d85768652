import postgres from "postgres";
import type { CheckName } from "../../cli/doctor/finding.ts";
import type { Shop } from "../integration/support.ts";
import type { Proxy } from "./proxy.ts";

/** A shop behind two proxies, and a key that may do what it needs and nothing else. */
export type Patient = { shop: Shop; admin: postgres.Sql; gateway: Proxy; stripe: Proxy; env: Record<string, string> };

/** One fault: what is broken, the check that has to name it, and a word of what it has to say. */
export type PlantedFault = {
  name: string;
  check: CheckName;
  says: RegExp;
  args?: string[];
  plant(patient: Patient): unknown;
  heal(patient: Patient): unknown;
};

export const STRIPE_KEY = "rk_test_doctor";
const PERMITTED = { key: STRIPE_KEY, endpoints: ["refunds.create", "events.list"] };
const FUTURE = new Date(Date.now() + 3_600_000).toUTCString();

/** SQL that breaks something, and SQL that puts it right again. */
function inDatabase(name: string, check: CheckName, says: RegExp, [plant, heal]: [string, string]): PlantedFault {
  const run = (sql: string) => ({ admin }: Patient) => admin.unsafe(sql).simple();
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
  inDatabase("a migration is not applied", "migrations", /20261122097200_inspect/, [
    `delete from supabase_migrations.schema_migrations where version = '20261122097200'`,
    `insert into supabase_migrations.schema_migrations (version, name) values ('20261122097200', 'inspect')`,
  ]),
  inDatabase("an extension is old", "extensions", /pg_net is 0\.1, .*alter extension pg_net update/, [
    `update pg_extension set extversion = '0.1' where extname = 'pg_net'`,
    `update pg_extension set extversion = '0.20.4-standin' where extname = 'pg_net'`,
  ]),
  inDatabase("an extension is missing", "extensions", /missing: pg_net/, [
    `update pg_extension set extname = 'pg_net_gone' where extname = 'pg_net'`,
    `update pg_extension set extname = 'pg_net' where extname = 'pg_net_gone'`,
  ]),
  inDatabase("the functions' URL is missing", "vault", /jobs_functions_url is missing/, [
    `update vault.secrets set name = 'gone' where name = 'jobs_functions_url'`,
    `update vault.secrets set name = 'jobs_functions_url' where name = 'gone'`,
  ]),
  inDatabase("the scheduler's secret is missing", "vault", /jobs_scheduler_secret is missing/, [
    `update vault.secrets set name = 'gone' where name = 'jobs_scheduler_secret'`,
    `update vault.secrets set name = 'jobs_scheduler_secret' where name = 'gone'`,
  ]),
  inDatabase("the functions' URL is another project's", "vault", /points to another project/, [
    `create table public.kept as select decrypted_secret as s from vault.decrypted_secrets where name = 'jobs_functions_url';
     select jobs.set_functions_url('https://other.supabase.co/functions/v1')`,
    `select jobs.set_functions_url((select s from public.kept)); drop table public.kept`,
  ]),
  inDatabase(
    "Vault's secret is not the functions' own",
    "vault",
    /jobs_scheduler_secret is not the JOBS_SCHEDULER_SECRET/,
    [
      `create table public.kept as select decrypted_secret as s from vault.decrypted_secrets where name = 'jobs_scheduler_secret';
     select jobs.set_secret('jobs_scheduler_secret', repeat('x', 40))`,
      `select jobs.set_secret('jobs_scheduler_secret', (select s from public.kept)); drop table public.kept`,
    ],
  ),
  inDatabase("the alerts' webhook is not https", "vault", /jobs_alert_webhook_url is not https/, [
    `select vault.create_secret('http://hooks.example/x', 'jobs_alert_webhook_url')`,
    `delete from vault.secrets where name = 'jobs_alert_webhook_url'`,
  ]),
  inDatabase("pg_cron lost a schedule", "schedules", /pg_cron has no schedule for jobs-watch.*install_schedules/, [
    `update cron.job set jobname = 'gone' where jobname = 'jobs-watch'`,
    `update cron.job set jobname = 'jobs-watch' where jobname = 'gone'`,
  ]),
  inDatabase("pg_cron ticks at other times", "schedules", /another schedule or command for expire-stale-orders/, [
    `update cron.job set schedule = '0 0 * * *' where jobname = 'expire-stale-orders'`,
    `update cron.job set schedule = '*/5 * * * *' where jobname = 'expire-stale-orders'`,
  ]),
  inDatabase("a schedule is paused", "schedules", /paused: expire-stale-orders/, [
    `update jobs.schedules set active = false where job = 'expire-stale-orders'`,
    `update jobs.schedules set active = true where job = 'expire-stale-orders'`,
  ]),
  inDatabase("the watch stopped", "watch", /alerts cannot be trusted/, [
    `update jobs.schedules set changed_at = now() - interval '1 day' where job = 'jobs-watch';
     update jobs.watch_state set watched_at = now() - interval '1 hour'`,
    `update jobs.schedules set changed_at = now() where job = 'jobs-watch'; update jobs.watch_state set watched_at = now()`,
  ]),
  inDatabase("anon may read a table", "privileges", /anon may select public\.job_runs/, [
    `grant select on public.job_runs to anon`,
    `revoke select on public.job_runs from anon`,
  ]),
  inDatabase("signed-in users may write a table", "privileges", /authenticated may update public\.orders/, [
    `grant update on public.orders to authenticated`,
    `revoke update on public.orders from authenticated`,
  ]),
  inDatabase("signed-in users may call a function", "privileges", /authenticated may call public\.jobs_settle_orders/, [
    `grant execute on function public.jobs_settle_orders(uuid, bigint, jsonb, timestamptz) to authenticated`,
    `revoke execute on function public.jobs_settle_orders(uuid, bigint, jsonb, timestamptz) from authenticated`,
  ]),
  inDatabase(
    "the functions may not call what they need",
    "privileges",
    /service_role may not call public\.jobs_claim_orders/,
    [
      `revoke execute on function public.jobs_claim_orders(uuid, bigint, integer, timestamptz) from service_role`,
      `grant execute on function public.jobs_claim_orders(uuid, bigint, integer, timestamptz) to service_role`,
    ],
  ),
  inDatabase("row-level security is off", "privileges", /row-level security is off for public\.job_decisions/, [
    `alter table public.job_decisions disable row level security`,
    `alter table public.job_decisions enable row level security`,
  ]),
  inDatabase("a policy lets everybody in", "privileges", /policy "open" on public\.job_alerts/, [
    `create policy "open" on public.job_alerts for select to authenticated using (true)`,
    `drop policy "open" on public.job_alerts`,
  ]),
  inDatabase("the private schema is open", "privileges", /anon may look into the schema jobs/, [
    `grant usage on schema jobs to anon`,
    `revoke usage on schema jobs from anon`,
  ]),
  inDatabase("a definer function lost its search path", "privileges", /jobs_health.* without a search path/, [
    `alter function public.jobs_health(timestamptz) reset search_path`,
    `alter function public.jobs_health(timestamptz) set search_path = ''`,
  ]),
  atGateway("a function is not deployed", "cleanup-stale-payment-intents", /is not deployed.*functions deploy/, {
    request: (path) =>
      path === on("cleanup-stale-payment-intents") ? json(404, { code: "NOT_FOUND", message: "Not found" }) : undefined,
  }),
  atGateway("a function lets strangers in", "expire-stale-orders", /does not refuse strangers/, {
    request: (path) => path === on("expire-stale-orders") ? json(202, { runId: "x" }) : undefined,
  }),
  atGateway("the platform asks for a token first", "expire-stale-orders", /verify_jwt = false/, {
    request: (path) =>
      path === on("expire-stale-orders")
        ? json(401, { code: 401, message: "Missing authorization header" })
        : undefined,
  }),
  atGateway("a function has another scheduler's secret", "expire-stale-orders", /refuses the scheduler's secret/, {
    request: (path, headers) => {
      if (path === on("expire-stale-orders") && headers.has("x-jobs-secret")) headers.set("x-jobs-secret", "another");
    },
  }),
  atGateway("a function is misconfigured", "expire-stale-orders", /misconfigured: Cannot start run as SUPABASE_URL/, {
    request: (path) =>
      path === on("expire-stale-orders")
        ? json(500, { error: { code: "configuration", message: "Cannot start run as SUPABASE_URL is not set" } })
        : undefined,
  }),
  atGateway("jobs-health cannot look", "jobs-health", /cannot look: misconfigured/, {
    request: (path) =>
      path === on("jobs-health") ? json(503, { status: "unhealthy", reasons: ["misconfigured"] }) : undefined,
  }),
  atGateway("jobs-health is not deployed", "jobs-health", /is not deployed/, {
    request: (path) => path === on("jobs-health") ? json(404, {}) : undefined,
  }),
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
  inEnvironment("Stripe's key is none", "stripe-key", /is no secret or restricted key/, {
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
    `insert into public.job_runs (job, trigger, status, finished_at, error)
     values ('expire-stale-orders', 'schedule', 'failed', now(), 'planted')`,
    `delete from public.job_runs where error = 'planted'`,
  ]),
  inDatabase("the function refused the scheduler", "runs", /L004 .*status 401/, [
    `insert into public.job_runs (job, trigger, status, finished_at, response_status, error)
     values ('expire-stale-orders', 'schedule', 'lost', now(), 401, 'planted')`,
    `delete from public.job_runs where error = 'planted'`,
  ]),
  inDatabase("an order is due for too long", "runs", /L008 /, [
    `select public.place_order(p_currency => 'eur', p_amount => 1, p_items => '[{"sku": "mug", "quantity": 1}]',
       p_order_id => '00000000-0000-4000-8000-000000000001', p_now => now() - interval '3 hours')`,
    `update public.orders set next_check_at = now() + interval '1 day' where id = '00000000-0000-4000-8000-000000000001'`,
  ]),
  inDatabase("reserved stock does not add up", "invariants", /L012 Reserved stock differs/, [
    `update public.inventory set reserved = reserved + 1 where sku = 'tea'`,
    `update public.inventory set reserved = reserved - 1 where sku = 'tea'`,
  ]),
  inDatabase("an order is set aside", "alerts", /L010 An order is set aside/, [
    `update public.orders set status = 'expiring', claimed_by = gen_random_uuid() where id = '00000000-0000-4000-8000-000000000001';
     update public.orders set status = 'quarantined', claimed_by = null, next_check_at = null
     where id = '00000000-0000-4000-8000-000000000001'`,
    `update public.orders set status = 'pending', next_check_at = now() + interval '1 day'
     where id = '00000000-0000-4000-8000-000000000001'`,
  ]),
  inDatabase("an alert of an event is open", "alerts", /L014 planted/, [
    `select jobs.raise_alert('late_payment:planted', null, 'critical', 'planted', '{}', now())`,
    `select jobs.resolve_alert('late_payment:planted', now())`,
  ]),
  // Last: jobs-health keeps its answer for some seconds, and says for so long that it cannot look.
  inDatabase("the settings are gone", "settings", /jobs\.settings has no row/, [
    `create table public.kept as select * from jobs.settings; delete from jobs.settings`,
    `insert into jobs.settings select * from public.kept; drop table public.kept`,
  ]),
];

export function permit({ shop }: Patient): void {
  shop.stripe.forbidKey(PERMITTED);
}
