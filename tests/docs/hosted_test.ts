import assert from "node:assert/strict";
import { readText } from "../rules/project-files.ts";
import { filesBelow } from "../support/runner/files.ts";
import { supabase } from "../support/supabase-cli.ts";
import { findBlocks, isHosted } from "./blocks.ts";

Deno.test("the Supabase CLI has every command that documents and texts name, and runs it on the hosted project", async () => {
  const documents = ["README.md", ...await filesBelow("docs", ".md")];
  const texts = await Promise.all(documents.map(async (path) => findBlocks(await readText(path)).filter(isHosted)));
  const lines = texts.flat().flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, "").split("\n"));
  for (const path of await filesBelow("cli", ".ts")) {
    // Not in the middle of a sentence, as `npx supabase link` is.
    lines.push(...[...(await readText(path)).matchAll(/["`] *(npx supabase [^"`]+)/g)].map(([, line]) => line!));
  }
  const commands = lines.filter((line) => line.startsWith("npx supabase ")).map((line) =>
    line.split(";")[0]!.trim().split(/\s+/).slice(2)
  );
  assert.ok(commands.length >= 10);
  const help = new Map<string, string>();
  for (const words of commands) {
    const end = words.findIndex((word) => !/^[a-z][a-z-]+$/.test(word));
    const name = words.slice(0, end === -1 ? words.length : end).join(" ");
    if (!help.has(name)) help.set(name, (await supabase([...name.split(" "), "--help"])).output);
    const output = help.get(name)!;
    assert.ok(output.includes(`  supabase ${name} `), `supabase ${name} is no command`);
    // Otherwise the command would change, or miss, the database of the local stack.
    if (output.includes("Local by default")) assert.ok(words.includes("--remote"), `supabase ${name} lacks --remote`);
    for (const [, option] of words.join(" ").matchAll(/(?<= )(--[a-z-]+)/g)) {
      assert.match(output, new RegExp(`${option}[^a-z-]`), `supabase ${name} has no ${option}`);
    }
  }
});

Deno.test("the CLI still has no command that calls a function, as docs/API_ROUTES.md says", async () => {
  const { output } = await supabase(["functions", "--help"]);
  assert.match(output, /^ {2}deploy /m);
  assert.doesNotMatch(output, /invoke/);
});
