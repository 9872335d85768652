import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { removeAbandoned } from "../../local/postgres/abandoned.ts";
import { withConnection } from "../../local/postgres/databases.ts";
import { exists, serversFolder } from "../../local/postgres/installation.ts";
import { startPostgres } from "../../local/postgres/start.ts";
import { replaceLostConnections } from "../support/lost-connections.ts";

Deno.test("a server uses UTC, has the stand-ins' extensions, and leaves no folder behind", async () => {
  const server = await startPostgres();
  const folder = await dataFolder(server.url);
  const found = await withConnection(server.url, (sql) =>
    sql`
      select current_setting('timezone') as timezone,
        array(select name::text from pg_available_extensions
          where name in ('pg_cron', 'pg_net', 'supabase_vault') order by 1) as extensions`);
  assert.deepEqual([...found], [{ timezone: "UTC", extensions: ["pg_cron", "pg_net", "supabase_vault"] }]);
  assert.ok(await exists(folder));
  await server.stop();
  assert.ok(!await exists(folder));
});

Deno.test("a crash keeps tables, empties unlogged ones, and the server is back on the same port", async () => {
  await using server = await startPostgres();
  await withConnection(server.url, (sql) =>
    sql`
      create table kept as select 1 as value;
      create unlogged table lost as select 1 as value`.simple());
  await server.restart("immediate");
  const [rows] = await withConnection(
    server.url,
    (sql) => sql`select (select count(*)::int from kept) as kept, (select count(*)::int from lost) as lost`,
  );
  assert.deepEqual({ ...rows }, { kept: 1, lost: 0 });
});

Deno.test("connections that were lost in the middle of a query fail no later one", async () => {
  await using server = await startPostgres();
  const sql = postgres(server.url, { max: 3, onnotice: () => {}, backoff: () => 0.02 });
  const all = <T>(query: () => Promise<T>) => Promise.allSettled([1, 2, 3].map(query));
  try {
    const struck = all(() => sql`select pg_sleep(60)`);
    const endThem = () =>
      withConnection(
        server.url,
        (admin) =>
          admin`select pg_terminate_backend(pid, 5000) from pg_stat_activity where query like '%sleep(60)%' and pid <> pg_backend_pid()`,
      );
    for (let ended = 0; ended < 3;) ended += (await endThem()).length;
    assert.deepEqual((await struck).map(({ status }) => status), ["rejected", "rejected", "rejected"]);
    await replaceLostConnections(sql);
    assert.deepEqual((await all(() => sql`select`)).map(({ status }) => status), [
      "fulfilled",
      "fulfilled",
      "fulfilled",
    ]);
  } finally {
    await sql.end({ timeout: 1 });
  }
});

Deno.test("a setting that PostgreSQL refuses is reported with the server's own words", async () => {
  await assert.rejects(
    startPostgres({ settings: { no_such_setting: 1 } }),
    /unrecognized configuration parameter "no_such_setting"/,
  );
});

Deno.test("a server whose program was killed is stopped and removed by the next one", async () => {
  const { url, child } = await startInAnotherProgram();
  const folder = await dataFolder(url);
  await removeAbandoned();
  assert.ok(await exists(folder), "its program still runs");
  child.kill("SIGKILL");
  await child.status;
  await removeAbandoned();
  assert.ok(!await exists(folder));
  await assert.rejects(withConnection(url, (sql) => sql`select 1`));
});

async function dataFolder(url: string): Promise<string> {
  const [row] = await withConnection(url, (sql) => sql`select current_setting('data_directory') as path`);
  assert.ok(row!.path.startsWith(serversFolder()));
  return row!.path.replace(/\/data$/, "");
}

async function startInAnotherProgram(): Promise<{ url: string; child: Deno.ChildProcess }> {
  const module = new URL("../../local/postgres/start.ts", import.meta.url).href;
  const program = `const { startPostgres } = await import("${module}");
    console.log((await startPostgres()).url);
    await new Promise((resolve) => setTimeout(resolve, 60_000));`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", program],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return { url: new TextDecoder().decode(value).trim(), child };
}
