import assert from "node:assert/strict";
import postgres from "postgres";
import { withShop } from "../integration/support.ts";

/**
 * What somebody with the rights of the secret key, and a SQL session of his own, can put in front of a name: functions, operators,
 * tables and views, in a schema of his own and in pg_temp.
 *
 * Not among them: types in pg_temp, which PostgreSQL looks up before everything else when a search path is empty. Only somebody who
 * can log in to the database and become service_role could make one; over REST nobody can. docs/design.md says so.
 */
const SHADOWS = `
  create schema evil authorization service_role;
  set role service_role;
  create function pg_temp.caught() returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
  begin
    if current_user <> 'service_role' then
      raise exception 'the attacker ran as %', current_user;
    end if;
    return true;
  end;
  $$;
  create function pg_temp.now() returns pg_catalog.timestamptz language plpgsql as
    $$ begin perform pg_temp.caught(); return pg_catalog.now(); end $$;
  create function evil.now() returns pg_catalog.timestamptz language plpgsql as
    $$ begin perform pg_temp.caught(); return pg_catalog.now(); end $$;
  create function evil.gen_random_uuid() returns pg_catalog.uuid language plpgsql as
    $$ begin perform pg_temp.caught(); return pg_catalog.gen_random_uuid(); end $$;
  create function evil.is_equal(pg_catalog.uuid, pg_catalog.uuid) returns boolean language plpgsql as
    $$ begin perform pg_temp.caught(); return pg_catalog.uuid_eq($1, $2); end $$;
  create operator evil.= (function = evil.is_equal, leftarg = pg_catalog.uuid, rightarg = pg_catalog.uuid);
  create table evil.orders (id pg_catalog.uuid default evil.gen_random_uuid());
  create table evil.settings (only_row boolean default pg_temp.caught());
  create view pg_temp.orders as select pg_temp.caught();
  create view pg_temp.pg_timezone_names as select pg_temp.caught();
  set search_path = evil, pg_temp, public, pg_catalog;
`;

/** A value of every type that an argument of ours has. */
const SAMPLES: Record<string, string> = {
  uuid: "pg_catalog.gen_random_uuid()",
  text: "'expire-stale-orders'",
  jsonb: "'[]'",
  integer: "1",
  bigint: "1",
  boolean: "false",
  "timestamp with time zone": "pg_catalog.now()",
  "timestamp with time zone[]": "array[pg_catalog.now()]",
};

/** What these tests have to find: as open as a function can be, the second one only behind its first check. */
const CARELESS = `
  create function public.careless(p_order_id uuid) returns timestamptz language plpgsql security definer as
    $$ begin return now(); end $$;
  create function public.careless_behind_a_check(p_order_id uuid) returns bigint language plpgsql security definer as $$
  begin
    if not exists (select from public.orders o where o.id = p_order_id) then
      raise exception 'Cannot count orders as there is none: current value is %', p_order_id;
    end if;
    return (select count(*) from orders);
  end;
  $$;
`;

Deno.test("nobody who may call a function with its owner's rights runs code of his own with them", async () => {
  await withShop({ unchecked: true }, async ({ sql, stack }) => {
    await sql.unsafe(CARELESS);
    const functions = await definerFunctions(sql);
    assert.ok(functions.length > 15);

    const caught: string[] = [];
    for (const { name, args } of functions) {
      const values = args.map((type) => {
        assert.ok(SAMPLES[type] !== undefined, `${name} takes ${type}, of which there is no sample`);
        return `${SAMPLES[type]}::${qualified(type)}`;
      });
      const { said } = await attack(stack.database.adminUrl, [`select public.${name}(${values.join(", ")})`]);
      if (said) caught.push(name);
    }
    assert.deepEqual(caught, ["careless"]);
  });
});

Deno.test("nor does he behind their checks, on the whole way of an order, of a payment and of an operator", async () => {
  await withShop({ unchecked: true }, async ({ sql, stack }) => {
    await sql.unsafe(CARELESS);
    const reached = new Set<string>();
    for (const way of [WAY_OF_AN_ORDER, WAY_OF_A_PAYMENT, WAY_OF_A_STUCK_PAYMENT, WAY_OF_AN_OPERATOR]) {
      const { said, ended } = await attack(stack.database.adminUrl, way);
      assert.equal(said, null);
      for (const name of ended) reached.add(name);
    }
    const names = (await definerFunctions(sql)).map(({ name }) => name);
    assert.deepEqual(names.filter((name) => !reached.has(name)), ["careless", "careless_behind_a_check"]);

    const control = `select public.careless_behind_a_check('${ORDER}')`;
    const { said } = await attack(stack.database.adminUrl, [...WAY_OF_AN_ORDER, control]);
    assert.match(said ?? "", /the attacker ran as postgres: .*careless_behind_a_check/);
  });
});

Deno.test("every function of ours has an empty search path, so that it finds what it names and nothing else", async () => {
  await withShop({}, async ({ sql }) => {
    const open = await sql`
      select p.oid::regprocedure::text as name, p.proconfig
      from pg_catalog.pg_proc p
      where p.pronamespace in ('public'::regnamespace, 'jobs'::regnamespace)
        and not coalesce(p.proconfig @> array['search_path=""'], false)`;
    assert.deepEqual(open.map(({ name }) => name), []);
  });
});

const ORDER = "11111111-1111-4111-8111-111111111111";
const RUN = "22222222-2222-4222-8222-222222222222";

const PLACED = [
  `select public.place_order('eur', 2000, '[{"sku": "tea", "quantity": 1}]'::pg_catalog.jsonb, p_order_id => '${ORDER}',
     p_now => pg_catalog.now() - interval '1 hour')`,
  `select public.attach_payment('${ORDER}', 'payment_intent', 'pi_1')`,
];

/** The run claims the order and settles it so. */
function settled(outcome: string, reason = "timeout"): string[] {
  return [
    `select public.jobs_claim_orders('${RUN}', 1, 10)`,
    `select public.jobs_settle_orders('${RUN}', 1, pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(
       'orderId', '${ORDER}', 'attempt', 1, 'outcome', '${outcome}', 'reason', '${reason}', 'payments',
       pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('paymentId', (select p.id from public.order_payments p), 'stripeId', 'pi_1',
         'state', 'open', 'outcome', 'kept', 'reason', '${reason}', 'evidence', '{}'::pg_catalog.jsonb)))))`,
  ];
}

const WAY_OF_AN_ORDER = [
  ...PLACED,
  `select public.jobs_begin_run('${RUN}', 'expire-stale-orders', 'server')`,
  `select public.jobs_expire_without_payments('${RUN}', 1, 10)`,
  `select public.jobs_claim_without_payments('${RUN}', 1, 10)`,
  `select public.jobs_preview_orders(10)`,
  `select public.jobs_count_intents(array[pg_catalog.now() - interval '1 hour'], array[pg_catalog.now()])`,
  `select public.jobs_reserve_calls(false, 'payment_intents.cancel', 4)`,
  `select public.jobs_report_throttle(false, 'payment_intents.cancel', 'endpoint')`,
  ...settled("retry"),
  `select public.jobs_finish_run('${RUN}', 'partial')`,
  `select public.jobs_continue_run('${RUN}')`,
  `select public.mark_order_paid('${ORDER}', 'pi_1')`,
];

/** An open payment of a paid order, planned to end and ended with the page it stood on. */
const WAY_OF_A_PAYMENT = [
  ...PLACED,
  `select public.mark_order_paid('${ORDER}', 'pi_2')`,
  `select public.jobs_begin_run('${RUN}', 'cleanup-stale-payment-intents', 'server')`,
  `select public.jobs_stale_payments(false, pg_catalog.now(), 10)`,
  `select public.jobs_preview_slice(false, null, null)`,
  `select public.jobs_next_slice('${RUN}', 1, false)`,
  `select public.jobs_inspect_payments(false, '[{"stripeId": "pi_1", "orderId": "${ORDER}"}]')`,
  `select public.jobs_plan_ends('${RUN}', 1, false, '[{"kind": "payment_intent", "stripeId": "pi_1", "orderId": "${ORDER}"}]')`,
  `select public.jobs_settle_payments('${RUN}', 1, false,
     '[{"kind": "payment_intent", "stripeId": "pi_1", "orderId": "${ORDER}", "outcome": "canceled", "reason": "abandoned", "evidence": {}},
       {"kind": "payment_intent", "stripeId": "pi_3", "orderId": "${ORDER}", "outcome": "paid", "reason": "succeeded", "evidence": {}},
       {"kind": "payment_intent", "stripeId": "pi_4", "outcome": "kept", "reason": "new_status", "alert": true, "evidence": {},
        "nextLookAt": "2050-01-01T00:00:00Z"}]',
     pg_catalog.jsonb_build_object('sweepId', (select s.id from public.job_sweeps s), 'cursor', 'pi_1', 'reached',
       (select s.created_from from public.job_sweeps s), 'seen', 1, 'own', 1, 'finished', true))`,
  `select public.jobs_finish_run('${RUN}', 'succeeded')`,
];

const WAY_OF_A_STUCK_PAYMENT = [
  ...PLACED,
  `select public.jobs_begin_run('${RUN}', 'expire-stale-orders', 'server')`,
  ...settled("quarantined", "checkout_unclosable"),
  `select public.jobs_declare_dead('pi_1', null, 'because', 'somebody')`,
];

const WAY_OF_AN_OPERATOR = [
  ...PLACED,
  `select public.jobs_begin_run('${RUN}', 'expire-stale-orders', 'server')`,
  ...settled("quarantined"),
  `select public.jobs_redrive_order('${ORDER}', 'because', 'somebody')`,
  `select public.jobs_sync_order('${ORDER}', 'because', 'somebody')`,
  `select public.mark_order_paid('${ORDER}', 'pi_1')`,
  `select public.mark_order_paid('${ORDER}', 'pi_2')`,
  `select public.jobs_resolve_alert((select a.id from public.job_alerts a where a.key = 'paid_twice:${ORDER}'), 'because', 'somebody')`,
  `select public.jobs_schedule()`,
  `select public.jobs_inspect()`,
  `select public.jobs_health()`,
];

function definerFunctions(sql: postgres.Sql): Promise<{ name: string; args: string[] }[]> {
  return sql<{ name: string; args: string[] }[]>`
    select p.oid::regproc::text as name, array(select format_type(t, null) from unnest(p.proargtypes) t) as args
    from pg_catalog.pg_proc p
    where p.prosecdef and has_function_privilege('service_role', p.oid, 'execute')
      and p.pronamespace in ('public'::regnamespace, 'jobs'::regnamespace)
    order by 1`;
}

/** `ended`: the functions of public that ran to their end, which PostgreSQL counts by itself. */
type Attacked = { said: string | null; ended: string[] };

/**
 * Runs statements as service_role behind the shadows; answers what the attacker's code said. A function keeps what it looked
 * up for as long as its session lives, so each attack has a session of its own.
 */
async function attack(url: string, statements: string[]): Promise<Attacked> {
  const session = postgres(url, { max: 1, onnotice: () => {}, fetch_types: false });
  try {
    await session.unsafe(`begin; set local track_functions = 'all'; ${SHADOWS}`).simple();
    for (const statement of statements) {
      await session.unsafe(`savepoint before`).simple();
      try {
        await session.unsafe(statement).simple();
      } catch (error) {
        const { message } = error as Error;
        if (message.includes("the attacker ran as")) return { said: `${message}: ${statement}`, ended: [] };
        // A way that ends early proves nothing about the rest of it.
        if (statements.length > 1) throw error;
        await session.unsafe(`rollback to savepoint before`).simple();
      }
    }
    const ended = await session`
      select f.funcname as name from pg_catalog.pg_stat_xact_user_functions f where f.schemaname operator(pg_catalog.=) 'public'`;
    return { said: null, ended: ended.map(({ name }) => name) };
  } finally {
    await session.end({ timeout: 1 });
  }
}

/** The names that are words of SQL's grammar mean one thing only; the others are looked up. */
function qualified(type: string): string {
  return ["uuid", "text", "jsonb"].includes(type) ? `pg_catalog.${type}` : type;
}
