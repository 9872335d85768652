// Writes the committed types of the database anew, from the migrations:
//
//   node local/run.mjs tests/support/database-types.ts

import { join } from "node:path";
import { startDatabases } from "../../local/platform/databases.ts";
import { command } from "./command.ts";
import { root } from "./runner/program.ts";
import { supabase } from "./supabase-cli.ts";

/** Where the types are committed, below the root. */
export const typesPath = "functions/_shared/database.types.ts";

/** What `supabase gen types` says about a freshly migrated database, formatted as everything else. About 4 s. */
export async function generateTypes(): Promise<string> {
  await using databases = await startDatabases();
  await using database = await databases.fresh();
  const { code, stdout, output } = await supabase(["gen", "types", "typescript", "--schema", "public"], {
    database: database.url,
  });
  if (code !== 0) throw new Error(`Cannot generate the types: exit code is ${code}\n${output}`);
  return await format(stdout);
}

async function format(source: string): Promise<string> {
  const file = await Deno.makeTempFile({ prefix: "lapse-types-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, source);
    const { code, output } = await command(Deno.execPath(), [
      "fmt",
      "--quiet",
      `--config=${join(root, "deno.json")}`,
      file,
    ]);
    if (code !== 0) throw new Error(`Cannot format the types: exit code is ${code}\n${output}`);
    return await Deno.readTextFile(file);
  } finally {
    await Deno.remove(file);
  }
}

if (import.meta.main) {
  await Deno.writeTextFile(join(root, typesPath), await generateTypes());
  console.log(`Wrote ${typesPath}`);
}
