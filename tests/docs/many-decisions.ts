import type postgres from "postgres";

const RUNS = 26_000;

/**
 * A shop after three months of runs every five minutes that took `decisions` decisions, made set-based, past the triggers: `sql` is the
 * superuser's. One order in a thousand is quarantined, two hundred wait, 26 were paid late. About 20 s for a million.
 */
export async function makeManyDecisions(sql: postgres.Sql, decisions: number): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`set local synchronous_commit = off`;
    await tx`
      insert into public.job_runs (id, job, status, trigger, created_at, started_at, finished_at, duration_ms, stripe_calls, backlog)
      select md5('run' || n)::uuid, 'expire-stale-orders', 'succeeded', 'schedule', at, at, at + interval '2 seconds', 2000, 40, 0
      from generate_series(1, ${RUNS}) n, lateral (select now() - (${RUNS} - n) * interval '5 minutes' as at) x`;
    await tx`
      insert into public.inventory (sku, on_hand, reserved) select 'sku-' || n, 100000, 0 from generate_series(1, 200) n
      on conflict do nothing`;
    await tx`create temp table made on commit drop as
      select md5('order' || n)::uuid as id, 'pi_' || md5('payment' || n) as stripe_id, md5('run' || run)::uuid as run_id, 'sku-' || 1 + n % 200 as sku,
        now() - (${RUNS} - run) * interval '5 minutes' as at,
        case when n % 1000 = 0 then 'quarantined' when n % 50 = 1 then 'paid' when n <= 200 then 'pending' else 'expired' end as status
      from generate_series(1, ${Math.floor(decisions / 2.5)}) n,
        lateral (select 1 + (n::bigint * ${RUNS - 1} / ${Math.floor(decisions / 2.5)})::integer as run) x`;
    await tx`
      insert into public.orders (id, status, status_reason, currency, amount, created_at, expires_at, next_check_at, paid_at, expired_at, payment_count)
      select id, status, case status when 'quarantined' then 'payment_not_found' when 'pending' then 'processing' else 'all_dead' end,
        'eur', 2000, at - interval '1 hour', at - interval '30 minutes', case status when 'pending' then now() + interval '1 hour' end,
        case status when 'paid' then at end, case status when 'expired' then at end, 1
      from made`;
    await tx`
      insert into public.order_payments (order_id, kind, stripe_id, state, evidence, created_at, closed_at)
      select id, 'payment_intent', stripe_id, case status when 'expired' then 'dead' when 'paid' then 'paid' else 'open' end, '{}', at, at
      from made`;
    await tx`
      insert into public.stock_reservations (order_id, sku, quantity, state, closed_at)
      select id, sku, 2, x.state, case when x.state <> 'held' then at end
      from made, lateral (select case status when 'expired' then 'released' when 'paid' then 'consumed' else 'held' end as state) x`;
    await tx`
      insert into public.job_decisions (run_id, job, subject, order_id, stripe_id, outcome, reason, units_released, decided_at)
      select run_id, 'expire-stale-orders', 'order', id, null, case status when 'pending' then 'waiting' else status end,
        case status when 'quarantined' then 'payment_not_found' else 'all_dead' end, case status when 'expired' then 2 else 0 end, at
      from made
      union all
      select run_id, 'expire-stale-orders', 'payment_intent', id, stripe_id, case status when 'expired' then 'canceled' else 'kept' end,
        'ended_by_run', 0, at
      from made
      union all
      select run_id, 'expire-stale-orders', 'order', id, null, 'waiting', 'customer_action', 0, at
      from made where ('x' || substr(md5(id::text), 1, 2))::bit(8)::integer < 128
      order by 9`;
    await tx`
      insert into public.job_metrics_daily (job, day, payments_expired, stock_released, runs)
      select 'expire-stale-orders', (at at time zone 'UTC')::date, count(*), count(*) * 2, 288 from made where status = 'expired' group by 2`;
    await tx`set local session_replication_role = origin`;
    await tx`
      select jobs.raise_alert('late_payment:' || id, null, 'critical', 'test',
        jsonb_build_object('orderId', id, 'amount', 2000, 'currency', 'eur', 'payments', jsonb_build_array(stripe_id)), at)
      from made where status = 'expired' order by id limit 26`;
    await tx`insert into jobs.call_budgets (livemode, endpoint, rate) values (true, 'account', 50), (true, 'payment_intents.retrieve', 20)`;
  });
  await sql`analyze`;
}
