/**
 * The whole way of a scheduled run: pg_cron ticks, pg_net calls, the function runs, the watch copies what pg_net saw. On the stand-in
 * of pg_cron, and with LAPSE_REAL_PG_CRON_URL set to a superuser's URL of a migrated database that has the original, on that; there
 * it takes up to a minute.
 */
import assert from "node:assert/strict";
import postgres from "postgres";
import { type Stack, startStack } from "../../../local/stack/start.ts";
import { eventually } from "../../integration/eventually.ts";

const realUrl = Deno.env.get("LAPSE_REAL_PG_CRON_URL");

Deno.test(
  `pg_cron, ${realUrl ? "the original" : "the stand-in"}, fires a run; its row and the copied response agree`,
  async () => {
    await using stack = await startStack({
      ...(realUrl ? { dbUrl: realUrl } : {}),
      users: false,
      workers: { cron: { pollMs: 0 } },
      simulator: { preset: "unlimited" },
    });
    const sql = postgres(stack.database.adminUrl, { max: 2, onnotice: () => {} });
    try {
      const orderId = await placeDueOrder(sql);
      await schedule(sql, "* * * * *");
      await letOneMinuteBegin(stack);

      await eventually(
        async () => {
          const [run] = await sql`select status from lapse.runs where trigger = 'schedule' and finished_at is not null`;
          return run !== undefined;
        },
        "a scheduled run has ended",
        75,
      );
      await eventually(async () => {
        await sql`call lapse.watch()`;
        const [run] = await sql`select from lapse.runs where trigger = 'schedule' and response_status is not null`;
        return run !== undefined;
      }, "the response is copied");

      const [run] = await sql`
        select r.status, r.job, r.orders_expired, r.response_status, r.response_error, n.status_code, n.content
        from lapse.runs r
        join net._http_response n on n.id = r.request_id
        where r.trigger = 'schedule' and r.response_status is not null
        order by r.created_at limit 1`;
      const { content, ...rest } = run!;
      assert.deepEqual(rest, {
        status: "succeeded",
        job: "expire-stale-orders",
        orders_expired: "1",
        response_status: 202,
        response_error: null,
        status_code: 202,
      });
      const [named] = await sql`select trigger from lapse.runs where id = ${JSON.parse(content).runId}`;
      assert.equal(named!.trigger, "schedule", "the answer names the run");
      const [order] = await sql`select status from public.orders where id = ${orderId}`;
      assert.equal(order!.status, "expired");
      const [tick] = await sql`
        select d.status from cron.job_run_details d join cron.job j using (jobid)
        where j.jobname = 'lapse-expire-stale-orders' and d.end_time is not null order by d.runid desc limit 1`;
      assert.equal(tick!.status, "succeeded");
    } finally {
      await sql`update cron.job set active = false`;
      await sql.end({ timeout: 1 });
    }
  },
);

async function placeDueOrder(sql: postgres.Sql): Promise<string> {
  await sql`insert into public.inventory (sku, on_hand) values ('tea', 10)`;
  const [order] = await sql`
    select id from public.place_order(
      p_currency => 'eur', p_amount => 2000, p_items => '[{"sku": "tea", "quantity": 1}]', p_now => now() - interval '1 hour')`;
  return order!.id;
}

/** As the schedule's owner, because pg_cron keeps a job per name and role. */
async function schedule(sql: postgres.Sql, cron: string): Promise<void> {
  const [table] = await sql`select tableowner from pg_tables where schemaname = 'lapse' and tablename = 'schedules'`;
  await sql.begin(async (sql) => {
    await sql`set local role ${sql(table!.tableowner)}`;
    await sql`update lapse.schedules set cron = ${cron} where job = 'expire-stale-orders'`;
  });
}

/** The original's minutes begin by themselves. */
async function letOneMinuteBegin({ workers }: Stack): Promise<void> {
  await workers?.cron?.tick(new Date());
}
