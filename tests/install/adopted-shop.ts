// A repository of a shop with a history of its own (examples/next-shop), its database, and what the shop's people do with both.

import { join } from "node:path";
import postgres from "postgres";
import { nextShop } from "../../local/platform/prepare.ts";
import { createDatabase, type Database } from "../../local/postgres/databases.ts";
import type { Postgres } from "../../local/postgres/start.ts";
import { type Stack, startStack } from "../../local/stack/start.ts";
import { deploy, unpack } from "../deploy/deploy.ts";
import type { Upload } from "../deploy/management-api.ts";
import type { Ended } from "../support/command.ts";
import { supabase } from "../support/supabase-cli.ts";
import { installPackage, lapse, succeed } from "./package.ts";

export type AdoptedShop = {
  folder: string;
  database: Database;
  sql: postgres.Sql;
  stack: Stack;
  /** Installs a package in the repository, from its tarball. */
  install(tarball: string): Promise<void>;
  lapse(...args: string[]): Promise<Ended>;
  /** The real CLI. Answers how it ended. */
  push(): Promise<Ended>;
  /** Deploys Lapse's functions with the real CLI; the stack runs what was uploaded. */
  deployFunctions(): Promise<Upload[]>;
  /** What the doctor finds wrong with these three. */
  doctor(): Promise<{ install: string; versions: string; migrations: string }>;
  /** An order of two hours ago, which took three units. */
  placeOverdueOrder(id: string): Promise<void>;
  stateOf(id: string): Promise<string>;
  stock(): Promise<number>;
  write(files: Record<string, string>): Promise<void>;
};

export async function withAdoptedShop(server: Postgres, test: (shop: AdoptedShop) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lapse-shop-" });
  const uploads = await Deno.makeTempDir({ prefix: "lapse-uploads-" });
  const database = await createDatabase(server.url);
  await unpack(await filesOfShop(), folder);
  // The platform, and the shop as it lived before.
  await using stack = await startStack({
    dbUrl: database.adminUrl,
    project: folder,
    functionsFolder: join(uploads, "supabase", "functions"),
    users: false,
    workers: false,
  });
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  const env = { LAPSE_URL: stack.apiUrl, LAPSE_SECRET_KEY: stack.secretKey, LAPSE_DB_URL: database.url };
  try {
    await sql`insert into public.variants (title, stock_quantity) values ('tea', 10)`;
    await test({
      folder,
      database,
      sql,
      stack,
      install: (tarball) => installPackage(tarball, folder),
      lapse: (...args) => lapse(folder, args, env),
      push: () => supabase(["db", "push", "--yes", "--skip-vault"], { database: database.url, workdir: folder }),
      async deployFunctions() {
        const lock = JSON.parse(await Deno.readTextFile(join(folder, "supabase", "lapse.json")));
        const all = await Promise.all(Object.keys(lock.functions).map((name) => deploy(name, folder)));
        for (const { slug, files } of all) {
          await stack.functions.kill(slug);
          await unpack(files, uploads);
        }
        return all;
      },
      async doctor() {
        const { checks } = JSON.parse((await lapse(folder, ["doctor", "--json"], env)).stdout);
        type Check = { check: string; status: string; what: string; fix: string | null };
        const said = (name: string) => {
          const { status, what, fix } = (checks as Check[]).find(({ check }) => check === name)!;
          return status === "ok" ? "ok" : `${what}: ${fix}`;
        };
        return { install: said("install"), versions: said("versions"), migrations: said("migrations") };
      },
      async placeOverdueOrder(id) {
        await sql`select public.checkout(${id}, 20, 'EUR', '[{"variant": 1, "quantity": 3}]')`;
        await sql`update public.orders set created_at = now() - interval '2 hours', total = 21 where id = ${id}`;
      },
      stateOf: async (id) => (await sql`select state from public.orders where id = ${id}`)[0]!.state,
      stock: async () => (await sql`select stock_quantity as n from public.variants`)[0]!.n,
      write: (files) => unpack(Object.entries(files), folder),
    });
  } finally {
    await sql.end({ timeout: 1 });
    await Deno.remove(folder, { recursive: true });
    await Deno.remove(uploads, { recursive: true });
  }
}

async function filesOfShop(): Promise<[string, string][]> {
  const own = (name: string) => Deno.readTextFile(new URL(name, nextShop));
  return [
    ["supabase/config.toml", `project_id = "next-shop"\n\n[functions.webhook] # the shop's own\nverify_jwt = false\n`],
    ["supabase/migrations/20260101000000_tables.sql", await own("1_tables.sql")],
    ["supabase/migrations/20260102000000_checkout.sql", await own("2_checkout.sql")],
    ["supabase/functions/_shared/errors.ts", `export const ours = true;\n`],
    [
      "supabase/functions/webhook/index.ts",
      `import "../_shared/errors.ts";\nDeno.serve(() => new Response("ours"));\n`,
    ],
  ];
}

/** What the documented adapter says it was written with. */
export async function adapterOptions(): Promise<string[]> {
  const text = await Deno.readTextFile(new URL("3_adapter.sql", nextShop));
  const [, said] = text.match(/lapse adapter ((?:.*\n-- {4})*.*)\n/)!;
  return [...said!.replaceAll(/\n-- +/g, " ").matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

/** Starts a run and waits for it, as an operator does. */
export async function runExpire(shop: AdoptedShop, ...more: string[]): Promise<void> {
  succeed(await shop.lapse("run", "expire", "--wait", ...more));
}
