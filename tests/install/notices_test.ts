import assert from "node:assert/strict";
import { join } from "node:path";
import { readText } from "../rules/project-files.ts";
import { command } from "../support/command.ts";
import { filesBelow } from "../support/runner/files.ts";
import { pack, succeed } from "./package.ts";

Deno.test("the package hands on the licence of every package that it contains", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lapse-notices-" });
  succeed(await command("tar", ["-xzf", await pack(), "-C", folder]));
  const notices = await Deno.readTextFile(join(folder, "package", "dist", "THIRD-PARTY-NOTICES"));
  await Deno.remove(folder, { recursive: true });

  const { imports } = JSON.parse(await readText("deno.json"));
  const named = await importedBy(["cli", "functions", "local/stack", "local/gateway", "local/stripe-simulator"]);
  assert.ok(named.includes("stripe") && named.includes("postgres") && named.includes("zod"), String(named));
  for (const name of named) {
    const wanted = imports[name].replace(/^npm:/, "").replace(/(?<=.@[^/]*)\/.*/, "");
    assert.ok(notices.includes(`\n${wanted} (`), `${wanted} is not named`);
  }
  for (const notice of notices.split(/\n-{80}\n/).slice(1)) {
    assert.match(notice, /permi|warrant|no text of it/i, notice);
  }
});

/** The npm packages that the sources import by name. Types leave nothing behind. */
async function importedBy(folders: string[]): Promise<string[]> {
  const files = (await Promise.all(folders.map((folder) => filesBelow(folder, ".ts")))).flat();
  const names = await Promise.all(files.map(async (file) => {
    const text = (await readText(file)).replaceAll(/import type [^;]+;/g, "");
    return [...text.matchAll(/(?:from|import\() ?"(@?[a-z][\w/-]*)"/g)].map(([, name]) => name!);
  }));
  const packageOf = (name: string) => name.split("/").slice(0, name.startsWith("@") ? 2 : 1).join("/");
  return [...new Set(names.flat().filter((name) => !name.startsWith("node:")).map(packageOf))].sort();
}
