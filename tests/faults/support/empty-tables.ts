import type postgres from "postgres";

/** What the shelves hold at the start, in units. */
export const ON_HAND = { tea: 100_000, mug: 1_000, last: 1 };

/** Puts a used database back to the day it was migrated. Faster than a new copy, which is what allows thousands of schedules. */
export async function emptyTables(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(`
    delete from public.job_decisions;
    delete from public.job_alerts;
    delete from public.stock_reservations;
    delete from public.order_payments;
    delete from public.orders;
    delete from public.inventory;
    delete from public.job_sweeps;
    delete from jobs.revisits;
    delete from jobs.schedule_slots;
    delete from jobs.call_budgets;
    delete from net.http_request_queue;
    delete from net._http_response;
    delete from public.job_runs;
    delete from public.job_metrics_daily;
    delete from public.job_metrics;
    insert into public.job_metrics (job) values ('expire-stale-orders'), ('cleanup-stale-payment-intents');
    update jobs.leases set run_id = null, fence = 0, lease_until = '-infinity';
    update jobs.watch_state set watched_at = now(), invariants_checked_at = '-infinity';
    delete from jobs.settings;
    insert into jobs.settings (stripe_endpoint_rate, stripe_account_limit_test) values (1000, 10000);
    insert into public.inventory (sku, on_hand) values ${
    Object.entries(ON_HAND).map(([sku, units]) => `('${sku}', ${units})`).join(", ")
  };
  `).simple();
}
