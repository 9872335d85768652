import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import postgres from "postgres";
import { startDatabases } from "../../local/platform/databases.ts";
import { root } from "../support/runner/program.ts";
import { parseReport } from "../support/runner/junit.ts";
import { filesBelow } from "../support/runner/files.ts";
import { readText } from "../rules/project-files.ts";
import { becomeSecondShop } from "./second-shop.ts";

/** Tests that no table of a shop takes part in, or that take a shop's tables for granted only to fill them up. */
const WITHOUT_A_SHOP = [
  "/callers_test.ts",
  "/configuration_test.ts",
  "/year_of_payments_test.ts",
  "/killed_test.ts",
  "/progress_test.ts",
  "/lock_order_test.ts",
];

const url = (path: string) => pathToFileURL(join(root, path)).href;

Deno.test("once the port is written, no function names a table of the first shop, and docs/adopting.md lists them all", async () => {
  await using databases = await startDatabases();
  await using database = await databases.fresh();
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    await becomeSecondShop(sql);
    const left = await sql<{ name: string; found: string }[]>`
      select p.oid::regprocedure::text as name, m.found[1] as found
      from pg_proc p
      cross join lateral regexp_matches(p.prosrc, 'public\.(orders|order_payments|stock_reservations|inventory|expiry_policies)', 'g') as m (found)
      where p.pronamespace in ('public'::regnamespace, 'jobs'::regnamespace) and p.proname not in ('place_order', 'attach_payment')`;
    assert.deepEqual(left.map(({ name, found }) => `${name} names ${found}`), []);

    const port = await sql<{ name: string }[]>`
      select 'jobs.' || proname as name from pg_proc where pronamespace = 'jobs'::regnamespace and proname like 'shop\\_%' order by 1`;
    const listed = [...(await readText("docs/adopting.md")).matchAll(/`(jobs\.shop_\w+)`/g)].map(([, name]) => name!);
    assert.deepEqual([...new Set(listed)].sort(), port.map(({ name }) => name));
  } finally {
    await sql.end();
  }
});

Deno.test("the second shop passes the integration tests of the first, oracle included", async () => {
  const all = await filesBelow("tests/integration", "_test.ts");
  const files = all.filter((path) => !WITHOUT_A_SHOP.some((name) => path.endsWith(name)));
  const folder = await Deno.makeTempDir({ prefix: "lapse-second-shop-" });
  try {
    const config = join(folder, "deno.json");
    await Deno.writeTextFile(config, JSON.stringify(await configuration()));
    const args = [
      "test",
      "-A",
      "--no-check",
      "--no-lock",
      "--unstable-no-legacy-abort",
      `--config=${config}`,
      `--junit-path=${folder}/report.xml`,
      ...files,
    ];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root, stdin: "null" }).output();
    const report = parseReport(await Deno.readTextFile(join(folder, "report.xml")));
    const text = new TextDecoder();
    assert.equal(report.failed, 0, text.decode(stdout) + text.decode(stderr));
    assert.equal(report.files.length, files.length);
    assert.ok(report.passed > 30, `only ${report.passed} tests ran`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The project's own, with the support of the tests exchanged for everybody but what stands in for it. */
async function configuration() {
  const { imports, ...rest } = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  const exchanged = [
    [url("tests/integration/support.ts"), url("tests/adopting/support.ts")],
    [url("tests/integration/cleanup/bench.ts"), url("tests/adopting/cleanup-bench.ts")],
  ];
  const scopes = exchanged.map(([original, standIn]) => [standIn, { [original!]: original }]);
  return { ...rest, imports: { ...imports, ...Object.fromEntries(exchanged) }, scopes: Object.fromEntries(scopes) };
}
