import assert from "node:assert/strict";
import { join } from "node:path";
import postgres from "postgres";
import { nextShop } from "../../local/platform/prepare.ts";
import { createDatabase } from "../../local/postgres/databases.ts";
import { startStack } from "../../local/stack/start.ts";
import { deploy, unpack } from "../deploy/deploy.ts";
import { command } from "../support/command.ts";
import { supabase } from "../support/supabase-cli.ts";
import { installPackage, lapse, succeed } from "./package.ts";
import { startPlainServer } from "./plain-databases.ts";

Deno.test("a shop with a history of its own installs the tarball, deploys with the real CLI, and an overdue order expires", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lapse-shop-" });
  const uploads = await Deno.makeTempDir({ prefix: "lapse-uploads-" });
  await using server = await startPlainServer();
  const database = await createDatabase(server.url);
  const push = () => supabase(["db", "push", "--yes", "--skip-vault"], { database: database.url, workdir: folder });
  await unpack([
    ["supabase/config.toml", `project_id = "next-shop"\n\n[functions.webhook] # the shop's own\nverify_jwt = false\n`],
    ["supabase/migrations/20260101000000_tables.sql", await Deno.readTextFile(new URL("1_tables.sql", nextShop))],
    ["supabase/migrations/20260102000000_checkout.sql", await Deno.readTextFile(new URL("2_checkout.sql", nextShop))],
    ["supabase/functions/_shared/errors.ts", `export const ours = true;\n`],
    [
      "supabase/functions/webhook/index.ts",
      `import "../_shared/errors.ts";\nDeno.serve(() => new Response("ours"));\n`,
    ],
  ], folder);
  // The platform, and the shop as it lived before.
  await using stack = await startStack({
    dbUrl: database.adminUrl,
    project: folder,
    functionsFolder: join(uploads, "supabase", "functions"),
    users: false,
  });
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  try {
    await sql`insert into public.variants (title, stock_quantity) values ('tea', 10)`;
    await sql`select public.checkout('old', 20, 'EUR', '[{"variant": 1, "quantity": 3}]')`;
    await sql`update public.orders set created_at = now() - interval '2 hours' where id = 'old'`;

    const packed = await command("npm", ["pack", "--silent", "--pack-destination", folder], {});
    succeed(packed);
    await installPackage(join(folder, packed.stdout.trim().split("\n").at(-1)!), folder);
    const env = { LAPSE_URL: stack.apiUrl, LAPSE_SECRET_KEY: stack.secretKey, LAPSE_DB_URL: database.url };
    succeed(await lapse(folder, ["init", "--yes", ...await adapterOptions()], env));
    succeed(await push());

    for (const name of await namesOf(folder)) {
      const { files } = await deploy(name, folder);
      const bytes = [...files.values()].reduce((sum, file) => sum + file.length, 0);
      assert.ok(bytes < 1_500_000, `${name} has ${bytes} bytes`);
      for (const [path, file] of files) {
        assert.match(path, new RegExp(`^supabase/functions/${name}/`));
        assert.doesNotMatch(new TextDecoder().decode(file), /["'`](npm|jsr|https):[@\w/]/, `${path} imports a package`);
      }
      await unpack(files, uploads);
    }

    assert.match((await lapse(folder, ["enable"], env)).output, /1 open order taken over/);
    assert.deepEqual([await stateOf("old"), await stock()], ["awaiting_payment", 7]);
    const run = await lapse(folder, ["run", "expire", "--wait", "--release-brake", "--reason", "the first one"], env);
    assert.equal(run.code, 0, run.output);
    assert.deepEqual([await stateOf("old"), await stock()], ["cancelled", 10]);
    assert.deepEqual(await sql`select * from lapse.drift()`, []);

    const again = await lapse(folder, ["init"], env);
    assert.match(again.stdout, /^Nothing has to be changed/);
  } finally {
    await sql.end({ timeout: 1 });
    await Deno.remove(folder, { recursive: true });
    await Deno.remove(uploads, { recursive: true });
  }

  async function stateOf(id: string): Promise<string> {
    return (await sql<{ state: string }[]>`select state from public.orders where id = ${id}`)[0]!.state;
  }
  async function stock(): Promise<number> {
    return (await sql<{ n: number }[]>`select stock_quantity as n from public.variants`)[0]!.n;
  }
});

/** What the documented adapter says it was written with. */
async function adapterOptions(): Promise<string[]> {
  const text = await Deno.readTextFile(new URL("3_adapter.sql", nextShop));
  const [, said] = text.match(/lapse adapter ((?:.*\n-- {4})*.*)\n/)!;
  return [...said!.replaceAll(/\n-- +/g, " ").matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

async function namesOf(folder: string): Promise<string[]> {
  const lock = JSON.parse(await Deno.readTextFile(join(folder, "supabase", "lapse.json")));
  return Object.keys(lock.functions);
}
