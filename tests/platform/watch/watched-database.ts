import postgres from "postgres";
import type { Databases } from "../../../local/platform/databases.ts";
import { setVaultEntries } from "../../../local/stack/vault.ts";

export const expire = "expire-stale-orders";
export const cleanup = "cleanup-stale-payment-intents";

/** A database with a controlled time: `at(20)` is 20 minutes after its migration. Nothing runs automatically. */
export type Watched = {
  sql: postgres.Sql;
  url: string;
  adminUrl: string;
  at(minutes: number): Date;
  /** One look of the watch. Answers the keys of the alerts that are open after it, without those to be ignored. */
  watch(minutes: number): Promise<string[]>;
  alert(key: string): Promise<postgres.Row>;
  health(minutes: number): Promise<string[]>;
  /** Places an order without a payment that is due from that minute on. Answers its ref. */
  placeOrder(dueMinutes: number): Promise<string>;
  /** A dispatched run, as pg_cron starts it. */
  dispatch(minutes: number, job?: string): Promise<string>;
  /** What a function calls first; a new run unless an id is given. */
  begin(
    minutes: number,
    run?: { id?: string; job?: string; dryRun?: boolean; release?: boolean },
  ): Promise<postgres.Row>;
  finish(minutes: number, id: string, status?: string): Promise<void>;
  /** The whole run of a manual synchronisation, which is restricted to one order. */
  sync(minutes: number, ref: string, status?: string): Promise<void>;
  /** A whole run that does nothing. */
  run(minutes: number, status?: string, job?: string): Promise<string>;
  /** A whole run that closes every due order without payments. */
  close(minutes: number): Promise<string>;
};

/** Runs a test in a database of its own. Alerts of `quiet` kinds, which the test is not about, do not appear in `watch`. */
export async function withWatched(
  databases: Databases,
  work: (watched: Watched) => Promise<void>,
  quiet: string[] = [],
): Promise<void> {
  await using database = await databases.fresh();
  await setVaultEntries(database.adminUrl, {
    lapse_functions_url: "https://project.test",
    lapse_scheduler_secret: "secret",
  });
  const sql = postgres(database.url, { max: 2 });
  try {
    const start = new Date();
    // As if it was installed a moment ago. The weekly slot is some days off, or it would fall into the hours of a test.
    await sql`
      update lapse.schedules
      set enabled_at = ${start}, changed_at = ${start},
        local_day = case when time_zone is not null
          then extract(isodow from (${start}::timestamptz + interval '3 days') at time zone time_zone) end
      where true`;
    await sql`update lapse.watch_state set watched_at = ${start} where only_row`;
    await work(describe(sql, { url: database.url, adminUrl: database.adminUrl, start, quiet }));
  } finally {
    await sql.end();
  }
}

/** Gives the clean-up a slot of yesterday, which is within the catch-up whenever a test runs. Answers what its ticks do. */
export async function slotOfYesterday({ sql, at }: Watched): Promise<(minutes: number) => Promise<string | null>> {
  await sql`
    update lapse.schedules
    set enabled_at = ${at(-60 * 24 * 30)}, local_time = '12:00',
      local_day = extract(isodow from (${at(-60 * 24)}::timestamptz at time zone time_zone))
    where job = ${cleanup}`;
  return async (minutes) => {
    const [row] = await sql`select lapse.dispatch_due_slot(${cleanup}, ${at(minutes)}) as id`;
    return row!.id;
  };
}

type Surroundings = { url: string; adminUrl: string; start: Date; quiet: string[] };

function describe(sql: postgres.Sql, { url, adminUrl, start, quiet }: Surroundings): Watched {
  const at = (minutes: number) => new Date(start.getTime() + minutes * 60_000);

  async function watch(minutes: number): Promise<string[]> {
    await sql`call lapse.watch(${at(minutes)})`;
    const rows = await sql`select key from lapse.alerts where resolved_at is null order by key`;
    return rows.map(({ key }) => key).filter((key) => !quiet.includes(key.split(":")[0]));
  }
  async function alert(key: string): Promise<postgres.Row> {
    const [row] = await sql`select * from lapse.alerts where key = ${key} order by id desc limit 1`;
    return row!;
  }
  async function health(minutes: number): Promise<string[]> {
    const [row] = await sql`select lapse.health(${at(minutes)}) -> 'reasons' as reasons`;
    return row!.reasons;
  }
  async function placeOrder(dueMinutes: number): Promise<string> {
    await sql`insert into public.inventory (sku, on_hand) values ('mug', 1000000) on conflict do nothing`;
    const due = at(dueMinutes);
    const [row] = await sql`
      select id from public.place_order('eur', 100, '[{"sku": "mug", "quantity": 1}]', p_expires_at => ${due}, p_now => ${due})`;
    await sql`select lapse.fold_inbox(p_now => ${due})`;
    await sql`update lapse.orders set next_check_at = ${due}, due_since = ${due} where ref = ${row!.id}`;
    return row!.id;
  }
  async function dispatch(minutes: number, job = expire): Promise<string> {
    const [row] = await sql`select lapse.dispatch(${job}, p_now => ${at(minutes)}) as id`;
    return row!.id;
  }
  async function begin(
    minutes: number,
    { id = crypto.randomUUID(), job = expire, dryRun = false, release = false } = {},
  ): Promise<postgres.Row> {
    const [queued] = await sql`select reason from lapse.runs where id = ${id}`;
    const [row] = await sql`
      select lapse.begin_run(${id}, ${job}, 'server', 'test', p_reason => ${queued ? queued.reason : "a test"},
        p_dry_run => ${dryRun}, p_release_brake => ${release}, p_now => ${at(minutes)}) as answer`;
    return row!.answer;
  }
  async function finish(minutes: number, id: string, status = "succeeded"): Promise<void> {
    await sql`select lapse.finish_run(${id}, ${status}, p_error => ${status}, p_now => ${at(minutes)})`;
  }
  async function run(minutes: number, status = "succeeded", job = expire): Promise<string> {
    const { run } = await begin(minutes, { job });
    await finish(minutes, run.id, status);
    return run.id;
  }
  async function close(minutes: number): Promise<string> {
    const { run } = await begin(minutes);
    await sql`select lapse.list_windows(${run.id}, ${run.fence}, false, ${at(minutes)})`;
    await sql`update lapse.list_cursors set read_to = ${at(minutes + 1)} where read_to < ${at(minutes + 1)}`;
    await sql`select lapse.close_without_payments(${run.id}, ${run.fence}, 10, ${at(minutes)})`;
    await finish(minutes, run.id);
    return run.id;
  }
  async function sync(minutes: number, ref: string, status = "succeeded"): Promise<void> {
    const [row] = await sql`select lapse.sync_order(${ref}, 'a customer asked', 'ana', ${
      at(minutes)
    }) ->> 'runId' as id`;
    await begin(minutes, { id: row!.id });
    await finish(minutes, row!.id, status);
  }
  return { sql, url, adminUrl, at, watch, alert, health, placeOrder, dispatch, begin, finish, run, sync, close };
}
