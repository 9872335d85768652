import assert from "node:assert/strict";
import { withConnection } from "../../local/postgres/databases.ts";
import type { Postgres } from "../../local/postgres/start.ts";
import { catalogueOf, installLapse, platformDatabase, startPlainServer } from "./plain-databases.ts";

let server: Postgres;
Deno.test.beforeAll(async () => void (server = await startPlainServer()));
Deno.test.afterAll(() => server.stop("immediate"));

const CRON_JOBS = [
  "lapse-cleanup-stale-payment-intents",
  "lapse-expire-stale-orders",
  "lapse-retention",
  "lapse-watch",
];

Deno.test("an install adds nothing outside lapse, lapse_shop, public.lapse_* and four cron jobs, and changes nothing", async () => {
  const database = await platformDatabase(server, "with_lapse", (sql) =>
    sql.unsafe(`
      create table public.orders (id bigint primary key, status text);
      create table public.inventory (sku text primary key);
      create function public.place_order() returns void language sql as $$ select $$;
      grant all on public.orders to anon;`));
  const before = await catalogueOf(database);
  await installLapse(database);
  const after = await catalogueOf(database);

  assert.deepEqual(before.filter((line) => !after.includes(line)), [], "gone or changed");
  const added = after.filter((line) => !before.includes(line));
  assert(added.length > 100, `the comparison sees only ${added.length} new objects`);
  assert.deepEqual(added.filter((line) => !isOwn(line)), []);
  const jobs = added.flatMap((line) => /^cron job (\S+)/.exec(line)?.[1] ?? []);
  assert.deepEqual(jobs.toSorted(), CRON_JOBS);
});

Deno.test("an install without an adapter runs nothing: both jobs are paused", async () => {
  const database = await platformDatabase(server, "without_adapter");
  await installLapse(database);

  const active = await withConnection(
    database.adminUrl,
    (sql) => sql<{ jobname: string }[]>`select jobname from cron.job where active order by jobname`,
  );
  assert.deepEqual(active.map(({ jobname }) => jobname), ["lapse-retention", "lapse-watch"]);
});

function isOwn(line: string): boolean {
  const own = /^(relation|column|type|constraint) (lapse|lapse_shop)\.|^(relation|column|type) public\._?lapse_/;
  return own.test(line) ||
    /^schema (lapse|lapse_shop) /.test(line) ||
    /^function (lapse|lapse_shop)\.|^function (public\.)?lapse_\w+\(/.test(line) ||
    /^(trigger \S+|policy .+|constraint \S+) on lapse\./.test(line) ||
    /^cron job lapse-/.test(line) || /^comment on [^:]*\blapse/.test(line);
}
