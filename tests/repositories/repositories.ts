// Kinds of repositories. Each is the files below one folder, by their path.

import { join } from "node:path";
import { nextShop } from "../../local/platform/prepare.ts";
import { unpack } from "../deploy/deploy.ts";
import { command } from "../support/command.ts";
import { supabase } from "../support/supabase-cli.ts";
import { succeed } from "../install/package.ts";

export type Kind = {
  name: string;
  files: Record<string, string>;
  /** What init refuses it with; it installs into the others. */
  refused?: RegExp;
};

const tables = await Deno.readTextFile(new URL("1_tables.sql", nextShop));
const checkout = await Deno.readTextFile(new URL("2_checkout.sql", nextShop));
const hello = { "supabase/functions/hello/index.ts": `Deno.serve(() => new Response("hello"));\n` };
const stamped = {
  "supabase/migrations/20260101000000_tables.sql": tables,
  "supabase/migrations/20260102000000_checkout.sql": checkout,
};
const config =
  `# The shop's own.\nproject_id = "shop"\n\n[functions.hello] # keep\nverify_jwt = true\n\n[auth]\nenabled = true\n`;
const usual = { "supabase/config.toml": config, ...stamped, ...hello };

export const KINDS: Kind[] = [
  { name: "new", files: {} },
  {
    name: "200 migrations",
    files: {
      ...usual,
      ...Object.fromEntries(Array.from({ length: 198 }, (_, n) => [
        `supabase/migrations/202602${String(10000000 + n)}_step.sql`,
        `create table public.step_${n} (id bigint primary key);\n`,
      ])),
    },
  },
  {
    name: "sequential names",
    files: {
      "supabase/config.toml": config,
      "supabase/migrations/001_tables.sql": tables,
      "supabase/migrations/002_checkout.sql": checkout,
      ...hello,
    },
  },
  {
    name: "stamps in the future",
    files: { ...usual, "supabase/migrations/20991231235959_later.sql": `comment on table public.orders is 'later';\n` },
  },
  {
    name: "CRLF and minimal config",
    files: { ...stamped, ...hello, "supabase/config.toml": `project_id = "shop"\r\n` },
  },
  {
    name: "inline tables",
    files: {
      ...stamped,
      ...hello,
      "supabase/config.toml": `project_id = "shop"\nfunctions = { hello = { verify_jwt = true } } # all\n`,
    },
  },
  {
    name: "config.json",
    files: {
      ...usual,
      "supabase/config.json":
        `{\n  "project_id": "shop",\n  "functions": {\n    "hello": { "verify_jwt": true }\n  }\n}\n`,
    },
  },
  { name: "no functions", files: { ...stamped, "supabase/config.toml": `project_id = "shop"\n` } },
  {
    name: "_shared with the same names",
    files: {
      ...usual,
      "supabase/functions/_shared/errors.ts": `export const ours = 1;\n`,
      "supabase/functions/_shared/database.types.ts": `export type Ours = 1;\n`,
      "supabase/functions/deno.json": `{ "imports": { "zod": "./_shared/errors.ts" } }\n`,
    },
  },
  {
    name: "slug taken",
    files: { ...usual, "supabase/functions/lapse-webhook/index.ts": `Deno.serve(() => new Response("ours"));\n` },
    refused: /The name lapse-webhook is taken/,
  },
  {
    name: "schema lapse taken",
    files: { ...usual, "supabase/migrations/20260103000000_lapse.sql": `create schema if not exists lapse;\n` },
    refused: /The schema lapse is taken: 20260103000000_lapse\.sql creates it/,
  },
];

/** Makes the repository. A new one is what the CLI itself makes. */
export async function makeRepository({ files }: Kind): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "lapse-repository-" });
  if (Object.keys(files).length === 0) succeed(await supabase(["init", "--yes"], { workdir: folder }));
  await unpack(Object.entries(files), folder);
  return folder;
}

/** Every file of a repository, byte for byte. */
export async function snapshot(folder: string, below = ""): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(join(folder, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    if (isDirectory) Object.assign(files, await snapshot(folder, path));
    else files[path] = new TextDecoder("latin1").decode(await Deno.readFile(join(folder, path)));
  }
  return Object.fromEntries(Object.entries(files).sort());
}

export async function copyRepository(folder: string): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "lapse-repository-" });
  succeed(await command("cp", ["-a", `${folder}/.`, copy]));
  return copy;
}
