import assert from "node:assert/strict";
import postgres from "postgres";
import { withShop } from "../integration/support.ts";

/**
 * What an attacker who has the privileges of the secret key, and a SQL session, can put in front of a name: functions, operators,
 * tables, views and types, in a schema of their own and in pg_temp.
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
  create function evil.is_equal(pg_catalog.text, pg_catalog.text) returns boolean language plpgsql as
    $$ begin perform pg_temp.caught(); return pg_catalog.texteq($1, $2); end $$;
  create operator evil.= (function = evil.is_equal, leftarg = pg_catalog.text, rightarg = pg_catalog.text);
  create table evil.orders (ref pg_catalog.text default evil.gen_random_uuid());
  create table evil.settings (only_row boolean default pg_temp.caught());
  create view pg_temp.orders as select pg_temp.caught();
  create view pg_temp.pg_timezone_names as select pg_temp.caught();
  set search_path = evil, pg_temp, public, pg_catalog;
`;

/** Types, which a function with an empty search path looks up in pg_temp first. */
const SHADOWS_OF_TYPES = ["uuid", "text", "jsonb", "timestamptz"]
  .map((type) => `create domain pg_temp.${type} as pg_catalog.${type} check (pg_temp.caught());`).join("\n");

/** A value of every type that an argument of ours has. */
const SAMPLES: Record<string, string> = {
  "text[]": "'{x}'",
  uuid: "pg_catalog.gen_random_uuid()",
  text: "'expire-stale-orders'",
  jsonb: "'[]'",
  integer: "1",
  bigint: "1",
  boolean: "false",
  "timestamp with time zone": "pg_catalog.now()",
};

/** What these tests have to find: as open as a function can be; behind its first check only; with an empty search path, for types only. */
const CARELESS = `
  create function public.lapse_careless(p_ref text) returns timestamptz language plpgsql security definer as
    $$ begin return now(); end $$;
  create function public.lapse_careless_behind_a_check(p_ref text) returns bigint language plpgsql security definer as $$
  begin
    if not exists (select from public.orders o where o.id::text = p_ref) then
      raise exception 'Cannot count orders: there is none';
    end if;
    return (select count(*) from orders);
  end;
  $$;
  create function public.lapse_careless_of_types(p_id uuid) returns boolean language plpgsql security definer set search_path = '' as
    $$ declare v_id uuid := p_id; begin return v_id is null; end $$;
`;
const CARELESS_NAMES = ["lapse_careless", "lapse_careless_behind_a_check", "lapse_careless_of_types"];

Deno.test("no caller of a security definer function can run their own code with its rights", async () => {
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
    assert.deepEqual(caught, ["lapse_careless", "lapse_careless_of_types"]);
  });
});

Deno.test("neither can a caller behind their checks, through the shop's triggers and adapter, or as an operator", async () => {
  await withShop({ unchecked: true }, async ({ sql, stack }) => {
    await sql.unsafe(CARELESS);
    const reached = new Set<string>();
    for (
      const way of [
        WAY_OF_AN_ORDER,
        WAY_OF_AN_EVENT,
        WAY_OF_AN_EXPIRY,
        WAY_OF_A_REFUND,
        WAY_OF_A_STUCK_PAYMENT,
        WAY_OF_AN_OPERATOR,
      ]
    ) {
      const { said, ended } = await attack(stack.database.adminUrl, way);
      assert.equal(said, null);
      for (const name of ended) reached.add(name);
    }
    // pg_net's functions have an empty search path themselves, and everybody who could make a type may call them without Lapse.
    const { said: saidOfNet, ended } = await attack(stack.database.adminUrl, WAY_TO_PG_NET, { types: false });
    assert.equal(saidOfNet, null);
    for (const name of ended) reached.add(name);
    const names = (await definerFunctions(sql)).map(({ name }) => name);
    assert.deepEqual(names.filter((name) => !reached.has(name)), CARELESS_NAMES);

    const control = `select public.lapse_careless_behind_a_check('${ORDER}')`;
    const { said } = await attack(stack.database.adminUrl, [...WAY_OF_AN_ORDER, control]);
    assert.match(said ?? "", /the attacker ran as postgres: .*lapse_careless_behind_a_check/);
  });
});

Deno.test("every function of Lapse resolves names in pg_catalog first and in pg_temp last", async () => {
  await withShop({}, async ({ sql }) => {
    const open = await sql`
      select p.oid::regprocedure::text as name
      from pg_catalog.pg_proc p
      where (p.pronamespace = 'lapse'::regnamespace or p.pronamespace = 'public'::regnamespace and p.proname like 'lapse\\_%')
        and not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)
        -- PostgreSQL forbids it to procedures that commit; these two pg_cron calls, with the privileges of whoever calls.
        and not (p.prokind = 'p' and not p.prosecdef and p.proname in ('watch', 'retain'))`;
    assert.deepEqual(open.map(({ name }) => name), []);
  });
});

const ORDER = "11111111-1111-4111-8111-111111111111";
const RUN = "22222222-2222-4222-8222-222222222222";
const BY = "'because', 'somebody'";

const PLACED = [
  `select public.place_order('eur', 2000, '[{"sku": "tea", "quantity": 1}]'::pg_catalog.jsonb, p_order_id => '${ORDER}',
     p_now => pg_catalog.now() - interval '1 hour')`,
];
const BEGUN = [
  `select public.lapse_begin_run('${RUN}', 'expire-stale-orders', 'server')`,
  `select public.lapse_list_windows('${RUN}', 1, false)`,
  ...["payment_intents", "checkout_sessions"].map((list) =>
    `select public.lapse_record_listed('${RUN}', 1, false, '', '${list}', pg_catalog.now() - interval '2 hours', pg_catalog.now(),
       '[{"stripeId": "${
      list === "payment_intents" ? "pi_9" : "cs_test_9"
    }", "ref": "named-by-a-payment", "status": "open",
          "createdAt": "2026-01-01T00:00:00Z"}]')`
  ),
];

/** The run claims the order, which has one payment, and settles both so. */
function settled(outcome: string, reason: string): string[] {
  const payment = { stripeId: "pi_1", state: "open", outcome: "kept", reason, evidence: {} };
  const decision = { ref: ORDER, attempt: 1, outcome, reason, nextCheckAt: null, payments: [payment] };
  return [
    `select public.lapse_attach_payment('${ORDER}', 'pi_1')`,
    ...BEGUN,
    `select public.lapse_claim_orders('${RUN}', 1, 10)`,
    `select public.lapse_settle_orders('${RUN}', 1, '${JSON.stringify([decision])}')`,
  ];
}

const WAY_OF_AN_ORDER = [
  ...PLACED,
  `select public.lapse_watch_order('${ORDER}', 2000, 'eur')`,
  ...settled("retry", "timeout"),
  `select public.lapse_list_failed('${RUN}', 1, false, '', 'payment_intents', 'a reason')`,
  `select public.lapse_preview_orders('expire-stale-orders', 10)`,
  `select public.lapse_preview_units('{x}')`,
  `select public.lapse_read_metrics()`,
  `select public.lapse_shrink_close_batch('${RUN}', 1)`,
  `select public.lapse_finish_run('${RUN}', 'partial')`,
  `select public.lapse_mark_paid('${ORDER}', 'pi_1')`,
  `select public.lapse_follow_order('${ORDER}', true)`,
  `select public.lapse_test_adapter()`,
  `select public.lapse_adopt_orders()`,
  `select public.lapse_schedule()`,
  `select public.lapse_inspect()`,
  `select public.lapse_health()`,
];

const WAY_OF_AN_EVENT = [
  ...PLACED,
  `select public.lapse_attach_payment('${ORDER}', 'pi_2')`,
  `select public.lapse_find_payment('evt_1', 'payment_intent.succeeded', false, '', 'pi_1',
     '{"metadata": {"order_id": "${ORDER}"}}', pg_catalog.now(), false)`,
  `select public.lapse_record_event('evt_1', 'payment_intent.succeeded', false,
     '{"ref": "${ORDER}", "stripeId": "pi_1", "account": "", "state": "paid", "reason": "paid", "evidence": {"amount_received": 2000}}')`,
  `select public.lapse_record_event(null, 'payment_intent.succeeded', false,
     '{"ref": "${ORDER}", "stripeId": "pi_2", "account": "", "state": "dead", "reason": "ended_by_run", "evidence": {}}')`,
];

const WAY_OF_A_REFUND = [
  ...PLACED,
  ...BEGUN,
  `select public.lapse_close_without_payments('${RUN}', 1, 10)`,
  `select public.lapse_mark_paid('${ORDER}', 'pi_1', null, 2000)`,
  `select public.lapse_claim_refunds('${RUN}', 1, 10)`,
  `select public.lapse_record_refund('${RUN}', 1, '${ORDER}', 1, '{"outcome": "succeeded"}')`,
  `select public.lapse_release_refunds(null, ${BY})`,
];

const WAY_TO_PG_NET = [
  `select public.lapse_begin_run('${RUN}', 'expire-stale-orders', 'server')`,
  `select public.lapse_finish_run('${RUN}', 'partial')`,
  `select public.lapse_continue_run('${RUN}')`,
];

const WAY_OF_AN_EXPIRY = [
  ...PLACED,
  ...BEGUN,
  `select public.lapse_close_without_payments('${RUN}', 1, 10)`,
  `select public.lapse_claim_without_payments('${RUN}', 1, 10)`,
  `select public.lapse_finish_run('${RUN}', 'succeeded')`,
];

const WAY_OF_A_STUCK_PAYMENT = [
  ...PLACED,
  ...settled("quarantined", "payment_not_found"),
  `select public.lapse_declare_dead('pi_1', ${BY})`,
  `select public.lapse_sync_order('${ORDER}', ${BY})`,
];

const WAY_OF_AN_OPERATOR = [
  ...PLACED,
  ...settled("quarantined", "payment_not_found"),
  `select public.lapse_redrive_order('${ORDER}', ${BY})`,
  `select public.lapse_resolve_order('${ORDER}', 'paid', ${BY})`,
  `select public.lapse_mark_paid('${ORDER}', 'pi_1')`,
  `select public.lapse_mark_paid('${ORDER}', 'pi_2')`,
  `select public.lapse_resolve_alert((select a.id from public.lapse_alerts a where a.key = 'paid_twice:${ORDER}'), ${BY})`,
  // Last: enabling secures every function again.
  `select public.lapse_connect('https://project.test/functions/v1', repeat('s', 32))`,
  `select public.lapse_disable()`,
  `select public.lapse_enable()`,
];

/** Those that can be called; what the shop's triggers call with their owner's rights, place_order reaches. */
function definerFunctions(sql: postgres.Sql): Promise<{ name: string; args: string[] }[]> {
  return sql<{ name: string; args: string[] }[]>`
    select p.proname::text as name, array(select format_type(t, null) from unnest(p.proargtypes) t) as args
    from pg_catalog.pg_proc p
    where p.prosecdef and has_function_privilege('service_role', p.oid, 'execute')
      and p.pronamespace = 'public'::regnamespace and p.proname like 'lapse\\_%'
    order by 1`;
}

/** `ended`: the functions of public that ran to their end, which PostgreSQL counts by itself. */
type Attacked = { said: string | null; ended: string[] };

/**
 * Runs statements as service_role behind the shadows; answers what the attacker's code said. A function keeps what it looked up for as
 * long as its session lives, so each attack has a session of its own.
 */
async function attack(url: string, statements: string[], { types = true } = {}): Promise<Attacked> {
  const session = postgres(url, { max: 1, onnotice: () => {}, fetch_types: false });
  try {
    await session.unsafe(`begin; set local track_functions = 'all'; ${SHADOWS}${types ? SHADOWS_OF_TYPES : ""}`)
      .simple();
    for (const statement of statements) {
      await session.unsafe(`savepoint before`).simple();
      try {
        await session.unsafe(statement).simple();
      } catch (error) {
        const { message } = error as Error;
        if (message.includes("the attacker ran as")) return { said: `${message}: ${statement}`, ended: [] };
        // A way that ends early proves nothing about the rest of it.
        if (statements.length > 1) throw new Error(`${message}: ${statement}`, { cause: error });
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

/** Types whose names are words of SQL's grammar mean one thing only; the others are looked up. */
function qualified(type: string): string {
  return ["uuid", "text", "jsonb"].includes(type) ? `pg_catalog.${type}` : type;
}
