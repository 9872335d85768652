import assert from "node:assert/strict";
import { readText } from "../rules/project-files.ts";
import { filesBelow } from "../support/runner/files.ts";
import { supabase } from "../support/supabase-cli.ts";
import { findBlocks, isHosted } from "./blocks.ts";

Deno.test("what the documents tell the Supabase CLI to do on a hosted project, the CLI knows, with these options", async () => {
  const documents = ["README.md", ...await filesBelow("docs", ".md")];
  const texts = await Promise.all(documents.map(async (path) => findBlocks(await readText(path)).filter(isHosted)));
  const lines = texts.flat().flatMap(({ text }) => text.replaceAll(/\\\n\s*/g, "").split("\n"));
  const commands = lines.filter((line) => line.startsWith("npx supabase ")).map((line) => line.split(/\s+/).slice(2));
  assert.ok(commands.length >= 4);
  const help = new Map<string, string>();
  for (const words of commands) {
    const name = words.slice(0, words.findIndex((word) => !/^[a-z][a-z-]+$/.test(word))).join(" ");
    if (!help.has(name)) help.set(name, (await supabase([...name.split(" "), "--help"])).output);
    const output = help.get(name)!;
    assert.ok(output.includes(`  supabase ${name} `), `supabase ${name} is no command`);
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
