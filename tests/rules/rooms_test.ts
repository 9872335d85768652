import assert from "node:assert/strict";
import { moduleGraph } from "../support/runner/module-graph.ts";
import { filesBelow } from "../support/runner/files.ts";
import { readText } from "./project-files.ts";
import { findWrongImports, roomPlugin } from "./room-rules.ts";

const sources = await filesBelow("functions", ".ts");

Deno.test("functions/ imports nothing from outside, _shared no job, and a job no other job", async () => {
  const modules = await moduleGraph(sources, "deno.json");
  assert.deepEqual(sources.filter((source) => !modules.some(({ path }) => path === source)), []);
  assert.deepEqual(findWrongImports(modules), []);
});

Deno.test("only an index.ts reads the environment, and a job knows no HTTP", async () => {
  const found = [];
  for (const path of sources) found.push(...lint(path, await readText(path)));
  assert.deepEqual(found, []);
});

Deno.test("_shared has no index.ts, which would make it a function for the Supabase CLI", () => {
  assert.deepEqual(sources.filter((path) => /\/_[^/]*\/(.*\/)?index\.ts$/.test(path)), []);
});

for (
  const [path, target] of [
    ["functions/a/index.ts", "local/stack/start.ts"],
    ["functions/_shared/x.ts", "tests/support/x.ts"],
    ["functions/_shared/x.ts", "functions/a/a.ts"],
    ["functions/a/a.ts", "functions/b/b.ts"],
    ["functions/a/a.ts", `${"jsr"}:@std/assert`],
    ["local/x.ts", "https://esm.sh/zod"],
  ] as const
) {
  Deno.test(`the import rule refuses ${target} in ${path}`, () => {
    assert.deepEqual(findWrongImports([{ path, imports: [target] }]), [`${path} imports ${target}`]);
  });
}

Deno.test("the import rule lets through what the rooms allow", () => {
  const imports = ["functions/_shared/x.ts", "functions/a/b.ts", "npm:zod@4.6.7", "node:crypto"];
  assert.deepEqual(findWrongImports([{ path: "functions/a/a.ts", imports }]), []);
  assert.deepEqual(findWrongImports([{ path: "local/stack/start.ts", imports: ["functions/a/a.ts"] }]), []);
});

Deno.test("the room plugin sees the environment and HTTP where they are not allowed, and only there", () => {
  const source = `export const a = Deno.env.get("A");\nexport const b = (r: Request) => new Response(r.body);\n`;
  assert.deepEqual(lint("functions/a/index.ts", source), []);
  assert.deepEqual(lint("functions/_shared/x.ts", source), ["functions/_shared/x.ts reads the environment"]);
  assert.deepEqual(lint("functions/a/a.ts", source), [
    "functions/a/a.ts reads the environment",
    "functions/a/a.ts knows HTTP: Request",
    "functions/a/a.ts knows HTTP: Response",
  ]);
});

Deno.test("the room plugin is not fooled by a comment, a string or a longer name", () => {
  const source = `// Deno.env, Request\nexport type JobRequest = { fetched: "Response" };\n`;
  assert.deepEqual(lint("functions/a/a.ts", source), []);
});

function lint(path: string, source: string): string[] {
  return Deno.lint.runPlugin(roomPlugin, path, source).map(({ message }) => `${path} ${message}`);
}
