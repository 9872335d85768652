import assert from "node:assert/strict";
import { join } from "node:path/posix";
import postgres from "postgres";
import { startDatabases } from "../../local/platform/databases.ts";
import { filesBelow } from "../support/runner/files.ts";
import { readText } from "../rules/project-files.ts";
import { becomeSecondShop } from "./second-shop.ts";

/** Tests of the first shop's own tables: what a shop that keeps its own does not take over. */
const OF_THE_FIRST_SHOP = [
  "attach_payment/",
  "inventory/",
  "orders/",
  "place_order/",
  "privileges/",
  "mark_order_paid/a_reservation_that_is_closed_is_not_closed_again",
];

Deno.test("the second shop passes the database tests of the first", async (t) => {
  await using databases = await startDatabases();
  await using database = await databases.fresh();
  const connection = { search_path: "public,tap" };
  const sql = postgres(database.url, { max: 1, onnotice: () => {}, connection });
  try {
    await becomeSecondShop(sql);
    await sql.unsafe(await readText("tests/adopting/tap.sql")).simple();
    const all = await filesBelow("tests/database", ".test.sql");
    const files = all.filter((path) => !OF_THE_FIRST_SHOP.some((name) => path.startsWith(`tests/database/${name}`)));
    assert.ok(files.length > 50, `only ${files.length} files`);
    for (const path of files) {
      await t.step(path, async () => {
        const { planned, passed, failed } = await prove(sql, path);
        assert.deepEqual(failed, []);
        assert.equal(passed, planned, "tests that ran");
      });
    }
  } finally {
    await sql.end();
  }
});

/** Runs one file, as pg_prove does. What it did is rolled back, however it ends. */
async function prove(sql: postgres.Sql, path: string) {
  try {
    const results = await sql.unsafe(await withIncluded(path)).simple().values();
    const lines = results.flat(3).filter((value): value is string => typeof value === "string");
    return {
      planned: Number(lines.find((line) => line.startsWith("1.."))?.slice(3)),
      passed: lines.filter((line) => line.startsWith("ok - ")).length,
      failed: lines.filter((line) => line.startsWith("not ok - ")),
    };
  } finally {
    await sql.unsafe("rollback; deallocate all").simple();
  }
}

/** psql's \ir, the only one of its commands that the tests use. */
async function withIncluded(path: string): Promise<string> {
  const lines = (await readText(path)).split("\n");
  const texts = lines.map((line) => {
    const [, included] = line.match(/^\\ir (\S+)$/) ?? [];
    return included ? withIncluded(join(path, "..", included)) : line;
  });
  return (await Promise.all(texts)).join("\n");
}
