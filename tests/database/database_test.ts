// Every file of SQL tests as one test, on the embedded server and with a substitute for pgTAP. CI runs the same files under the real one.

import assert from "node:assert/strict";
import postgres from "postgres";
import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { runTapFile } from "../support/pgtap/run-file.ts";
import { filesBelow } from "../support/runner/files.ts";

const substitute = new URL("../support/pgtap/pgtap.sql", import.meta.url);

let databases: Databases | undefined;
let connection: Promise<postgres.Sql> | undefined;
Deno.test.afterAll(async () => {
  await (await connection)?.end({ timeout: 1 });
  await databases?.stop();
});

for (const path of await filesBelow("tests/database", ".test.sql")) {
  Deno.test(nameOf(path), async () => {
    const { passed, problems } = await runTapFile(path, await (connection ??= connect()));
    assert.equal(problems.join("\n"), "", path);
    assert.ok(passed > 0);
  });
}

/** Started by the first test that runs, since a filter may leave none. All files share one connection, one after another. */
async function connect(): Promise<postgres.Sql> {
  databases = await startDatabases();
  const database = await databases.fresh();
  const sql = postgres(database.url, { max: 1, prepare: false, onnotice: () => {} });
  await sql.unsafe(await Deno.readTextFile(substitute)).simple();
  await sql`set search_path = "$user", public, extensions, tap`;
  return sql;
}

/** `settle_orders/counters_equal_decisions.test.sql` as `settle_orders: counters equal decisions`. */
function nameOf(path: string): string {
  const [folder, file] = path.split("/").slice(-2);
  return `${folder}: ${file!.replace(".test.sql", "").replaceAll("_", " ")}`;
}
