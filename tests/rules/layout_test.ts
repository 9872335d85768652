import assert from "node:assert/strict";
import { moduleGraph } from "../support/runner/module-graph.ts";
import { filesBelow } from "../support/runner/files.ts";
import { findCycles, findWrongImports, layoutPlugin } from "./layout-rules.ts";
import { readText } from "./project-files.ts";

const sources = await filesBelow("functions", ".ts");
const modules = await moduleGraph(sources, "deno.json");

Deno.test("each file of functions/ imports only what its folder may import", () => {
  assert.deepEqual(sources.filter((source) => !modules.some(({ path }) => path === source)), []);
  assert.deepEqual(findWrongImports(modules), []);
});

Deno.test("no import cycle exists in functions/, including types", () => {
  assert.deepEqual(findCycles(modules), []);
});

Deno.test("only an index.ts reads the environment, jobs do not use HTTP, and rules read no clock", async () => {
  const found = [];
  for (const path of sources) found.push(...lint(path, await readText(path)));
  assert.deepEqual(found, []);
});

Deno.test("_shared has no index.ts, which would make it a function for the Supabase CLI", () => {
  assert.deepEqual(sources.filter((path) => /\/_[^/]*\/(.*\/)?index\.ts$/.test(path)), []);
});

const refused: [path: string, target: string, types?: boolean][] = [
  ["functions/a/index.ts", "local/stack/start.ts"],
  ["functions/_shared/run/x.ts", "tests/support/x.ts"],
  ["functions/_shared/run/x.ts", "functions/a/a.ts"],
  ["functions/a/a.ts", "functions/b/b.ts"],
  ["functions/a/a.ts", `${"jsr"}:@std/assert`],
  ["local/x.ts", "https://esm.sh/zod"],
  ["functions/_shared/rules/x.ts", "functions/_shared/stripe/objects.ts"],
  ["functions/_shared/rules/x.ts", "functions/_shared/database/orders.ts", true],
  ["functions/_shared/rules/x.ts", "npm:zod@4.6.7"],
  ["functions/_shared/protocol/x.ts", "functions/_shared/stripe/gateway.ts"],
  ["functions/_shared/protocol/x.ts", "functions/_shared/run/job.ts", true],
  ["functions/_shared/run/x.ts", "functions/_shared/http/answer.ts", true],
  ["functions/a/a.ts", "functions/_shared/http/answer.ts"],
  ["functions/a/a.ts", "functions/_shared/environment.ts", true],
  ["functions/a/a.ts", "functions/_shared/stripe/gateway.ts"],
];
for (const [path, target, types = false] of refused) {
  Deno.test(`the layout refuses ${target}${types ? " for types" : ""} in ${path}`, () => {
    assert.equal(findWrongImports([{ path, imports: [{ target, types }] }]).length, 1);
  });
}

Deno.test("the layout rule accepts allowed imports", () => {
  const allowed: [path: string, target: string, types?: boolean][] = [
    ["functions/a/a.ts", "functions/a/b.ts"],
    ["functions/a/a.ts", "functions/_shared/run/job.ts"],
    ["functions/a/a.ts", "functions/_shared/stripe/gateway.ts", true],
    ["functions/a/index.ts", "functions/_shared/http/serve-job.ts"],
    ["functions/_shared/rules/x.ts", "functions/_shared/stripe/objects.ts", true],
    ["functions/_shared/rules/x.ts", "functions/_shared/rules/y.ts"],
    ["functions/_shared/protocol/x.ts", "functions/_shared/stripe/gateway.ts", true],
    ["functions/_shared/stripe/x.ts", "npm:stripe@23.1.0"],
    ["local/stack/start.ts", "functions/a/a.ts"],
    ["local/stack/start.ts", "node:crypto"],
  ];
  for (const [path, target, types = false] of allowed) {
    assert.deepEqual(findWrongImports([{ path, imports: [{ target, types }] }]), []);
  }
});

Deno.test("the graph tells an import of types from one that runs, also where a file has both", async () => {
  const find = (path: string) => modules.find((module) => module.path === path)!.imports;
  const rules = find("functions/_shared/rules/orders.ts");
  assert.ok(rules.length > 0 && rules.every(({ types }) => types));
  assert.ok(find("functions/_shared/database/database.ts").some(({ types }) => !types));
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${folder}/a.ts`,
      `import type { B } from "./b.ts";\nimport { c } from "./b.ts";\nc as B;`,
    );
    await Deno.writeTextFile(`${folder}/b.ts`, `export type B = 1;\nexport const c = 1;`);
    const [both] = (await moduleGraph([`${folder}/a.ts`], "deno.json")).find(({ path }) =>
      path.endsWith("/a.ts")
    )!.imports;
    assert.equal(both!.types, false);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the cycle rule sees a cycle of any length, by types alone, and no other", () => {
  const module = (path: string, ...targets: string[]) => ({
    path,
    imports: targets.map((target) => ({ target, types: true })),
  });
  const cycle = [module("a", "b"), module("b", "c", "d"), module("c", "a"), module("d")];
  assert.deepEqual(findCycles(cycle).map((it) => it.toSorted()), [["a", "b", "c"]]);
  assert.deepEqual(findCycles([module("a", "b", "c"), module("b", "c"), module("c")]), []);
});

Deno.test("the layout plugin sees environment, HTTP and clock where they are not allowed, and only there", () => {
  const source = `export const a = Deno.env.get("A");\nexport const b = (r: Request) => new Response(r.body);\n` +
    `export const c = [Date.now(), new Date(), new Date(0), Math.random()];\n`;
  const http = ["knows HTTP: Request", "knows HTTP: Response"];
  const found = (path: string) => lint(path, source).map((it) => it.slice(path.length + 1)).toSorted();
  assert.deepEqual(found("functions/a/index.ts"), []);
  assert.deepEqual(found("functions/_shared/run/x.ts"), ["reads the environment"]);
  assert.deepEqual(found("functions/a/a.ts"), [...http, "reads the environment"]);
  const decides = [...http, "leaves it to chance", "reads the clock", "reads the clock", "reads the environment"];
  assert.deepEqual(found("functions/_shared/rules/x.ts"), decides);
});

Deno.test("the layout plugin is not fooled by a comment, a string or a longer name", () => {
  const source = `// Deno.env, Request, Date.now()\nexport type JobRequest = { fetched: "Response" };\n`;
  assert.deepEqual(lint("functions/_shared/rules/x.ts", source), []);
});

function lint(path: string, source: string): string[] {
  return Deno.lint.runPlugin(layoutPlugin, path, source).map(({ message }) => `${path} ${message}`);
}
