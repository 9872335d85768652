import type postgres from "postgres";

const RUNS = 26_000;

/**
 * A ledger after three months of runs every five minutes that took `decisions` decisions, made set-based, past the triggers: `sql` is the
 * superuser's. One order in a thousand is quarantined, two hundred wait, 26 were paid late. About 20 s for a million.
 */
export async function makeManyDecisions(sql: postgres.Sql, decisions: number): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`set local synchronous_commit = off`;
    await tx`
      insert into lapse.runs (id, job, status, trigger, created_at, started_at, finished_at, duration_ms, stripe_calls, backlog)
      select md5('run' || n)::uuid, 'expire-stale-orders', 'succeeded', 'schedule', at, at, at + interval '2 seconds', 2000, 40, 0
      from generate_series(1, ${RUNS}) n, lateral (select now() - (${RUNS} - n) * interval '5 minutes' as at) x`;
    await tx`create temp table made on commit drop as
      select md5('order' || n)::uuid::text as ref, 'pi_' || md5('payment' || n) as stripe_id, md5('run' || run)::uuid as run_id,
        now() - (${RUNS} - run) * interval '5 minutes' as at,
        case when n % 1000 = 0 then 'quarantined' when n % 50 = 1 then 'paid' when n <= 200 then 'pending' else 'expired' end as status
      from generate_series(1, ${Math.floor(decisions / 2.5)}) n,
        lateral (select 1 + (n::bigint * ${RUNS - 1} / ${Math.floor(decisions / 2.5)})::integer as run) x`;
    await tx`
      insert into lapse.orders (ref, status, reason, currency, amount, placed_at, deadline, next_check_at, due_since, closed_at, looks, payments)
      select ref, status, case status when 'quarantined' then 'payment_not_found' when 'pending' then 'processing' else 'all_dead' end,
        'eur', 2000, at - interval '1 hour', at - interval '30 minutes', case status when 'pending' then now() + interval '1 hour' end,
        case status when 'pending' then at end, case when status in ('expired', 'paid') then at end, 1, 1
      from made`;
    await tx`
      insert into lapse.payments (ref, stripe_id, state, evidence, attached_at, closed_at)
      select ref, stripe_id, case status when 'expired' then 'dead' when 'paid' then 'paid' else 'open' end, '{}', at, at
      from made`;
    await tx`
      insert into lapse.decisions (run_id, job, subject, ref, stripe_id, outcome, reason, units_released, decided_at)
      select run_id, 'expire-stale-orders', 'order', ref, null, case status when 'pending' then 'waiting' else status end,
        case status when 'quarantined' then 'payment_not_found' else 'all_dead' end, case status when 'expired' then 2 else 0 end, at
      from made
      union all
      select run_id, 'expire-stale-orders', 'payment_intent', ref, stripe_id, case status when 'expired' then 'canceled' else 'kept' end,
        'ended_by_run', 0, at
      from made
      union all
      select run_id, 'expire-stale-orders', 'order', ref, null, 'waiting', 'customer_action', 0, at
      from made where ('x' || substr(md5(ref), 1, 2))::bit(8)::integer < 128
      order by 9`;
    await tx`
      insert into lapse.metrics_daily (job, day, orders_expired, stock_released, runs)
      select 'expire-stale-orders', (at at time zone 'UTC')::date, count(*), count(*) * 2, 288 from made where status = 'expired' group by 2`;
    await tx`
      insert into lapse.list_cursors (account, livemode, list, read_from, read_to)
      select '', true, list, now() - interval '90 days', now() from unnest('{payment_intents,checkout_sessions}'::text[]) list`;
    await tx`set local session_replication_role = origin`;
    await tx`
      select lapse.raise_alert('late_payment:' || ref, null, 'critical', 'test',
        jsonb_build_object('ref', ref, 'amount', 2000, 'currency', 'eur', 'payments', jsonb_build_array(stripe_id)), at)
      from made where status = 'expired' order by ref limit 26`;
  });
  await sql`analyze`;
}
