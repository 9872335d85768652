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
};

Deno.test("nobody who may call a function with its owner's rights runs code of his own with them", async () => {
  await withShop({ unchecked: true }, async ({ sql, stack }) => {
    const functions = await sql<{ name: string; args: string[] }[]>`
      select p.oid::regproc::text as name, array(select format_type(t, null) from unnest(p.proargtypes) t) as args
      from pg_catalog.pg_proc p
      where p.prosecdef and has_function_privilege('service_role', p.oid, 'execute')
        and p.pronamespace in ('public'::regnamespace, 'jobs'::regnamespace)
      order by 1`;
    assert.ok(functions.length > 15);

    const caught: string[] = [];
    for (const { name, args } of functions) {
      const call = `public.${name}(${args.map((type) => `${SAMPLES[type]}::${qualified(type)}`).join(", ")})`;
      if (await attack(stack.database.adminUrl, [`select ${call}`])) caught.push(name);
    }
    assert.deepEqual(caught, []);
  });
});

Deno.test("nor does he on the whole way of an order, from its placing to its settlement", async () => {
  await withShop({ unchecked: true }, async ({ stack }) => {
    const caught = await attack(stack.database.adminUrl, WAY_OF_AN_ORDER);
    assert.equal(caught, null);
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

const WAY_OF_AN_ORDER = [
  `select public.place_order('eur', 2000, '[{"sku": "tea", "quantity": 1}]'::pg_catalog.jsonb, p_order_id => '11111111-1111-4111-8111-111111111111',
     p_now => pg_catalog.now() - interval '1 hour')`,
  `select public.attach_payment('11111111-1111-4111-8111-111111111111', 'payment_intent', 'pi_1')`,
  `select public.jobs_begin_run('22222222-2222-4222-8222-222222222222', 'expire-stale-orders', 'server')`,
  `select public.jobs_expire_without_payments('22222222-2222-4222-8222-222222222222', 1, 10)`,
  `select public.jobs_preview_orders(10)`,
  `select public.jobs_claim_orders('22222222-2222-4222-8222-222222222222', 1, 10)`,
  `select public.jobs_reserve_calls(false, 'payment_intents.cancel', 4)`,
  `select public.jobs_report_throttle(false, 'payment_intents.cancel', 'endpoint')`,
  `select public.jobs_settle_orders('22222222-2222-4222-8222-222222222222', 1, pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object(
     'orderId', '11111111-1111-4111-8111-111111111111', 'attempt', 1, 'outcome', 'retry', 'reason', 'timeout', 'payments',
     pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('paymentId', (select p.id from public.order_payments p), 'stripeId', 'pi_1',
       'state', 'open', 'outcome', 'kept', 'reason', 'timeout', 'evidence', '{}'::pg_catalog.jsonb)))))`,
  `select public.jobs_finish_run('22222222-2222-4222-8222-222222222222', 'partial')`,
  `select public.mark_order_paid('11111111-1111-4111-8111-111111111111', 'pi_1')`,
];

/**
 * Runs statements as service_role behind the shadows; answers what the attacker's code said, or null. A function keeps what it looked
 * up for as long as its session lives, so each attack has a session of its own.
 */
async function attack(url: string, statements: string[]): Promise<string | null> {
  const session = postgres(url, { max: 1, onnotice: () => {}, fetch_types: false });
  try {
    await session.unsafe(`begin; ${SHADOWS}`).simple();
    for (const statement of statements) {
      await session.unsafe(`savepoint before`).simple();
      try {
        await session.unsafe(statement).simple();
      } catch (error) {
        const { message } = error as Error;
        if (message.includes("the attacker ran as")) return `${message}: ${statement}`;
        // A way that ends early proves nothing about the rest of it.
        if (statements.length > 1) throw error;
        await session.unsafe(`rollback to savepoint before`).simple();
      }
    }
    return null;
  } finally {
    await session.end({ timeout: 1 });
  }
}

/** The names that are words of SQL's grammar mean one thing only; the others are looked up. */
function qualified(type: string): string {
  return ["uuid", "text", "jsonb"].includes(type) ? `pg_catalog.${type}` : type;
}
