import type postgres from "postgres";

/** Units on the shelves of every bench. */
export const ON_HAND = { tea: 100_000, mug: 100_000, last: 1 };

/** Empties shop, ledger and queues, and puts the settings back: as a database of one's own, at a hundredth of its price. */
export async function emptyTables(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(`
    set local lapse.retaining = 'on';
    delete from public.stock_reservations;
    delete from public.orders;
    delete from public.inventory;
    delete from lapse.inbox;
    delete from lapse.decisions;
    delete from lapse.alerts;
    delete from lapse.events;
    delete from lapse.refunds;
    delete from lapse.payments;
    delete from lapse.orders;
    delete from lapse.list_cursors;
    delete from lapse.pace_shares;
    delete from lapse.schedule_slots;
    delete from net.http_request_queue;
    delete from net._http_response;
    delete from lapse.runs;
    delete from lapse.metrics_daily;
    delete from lapse.metrics;
    insert into lapse.metrics (job) select job from lapse.jobs;
    update lapse.jobs set run_id = null, fence = 0, lease_until = '-infinity', brake_on = false, close_batch = case job when 'expire-stale-orders' then 250 end;
    update lapse.watch_state set watched_at = now();
    delete from lapse.settings;
    insert into lapse.settings (payments_per_second_test, cleanup_payments_per_second, webhook_payments_per_second)
      values (1000, 1000, 1000);
    update lapse.webhook_pace set free_at = '-infinity';
    insert into public.inventory (sku, on_hand) values ${
    Object.entries(ON_HAND).map(([sku, units]) => `('${sku}', ${units})`).join(", ")
  };
  `).simple();
}
