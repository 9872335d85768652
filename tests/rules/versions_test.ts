import assert from "node:assert/strict";
import { functionNames } from "../support/runner/files.ts";
import { readText } from "./project-files.ts";

type Config = { lock?: unknown; imports: Record<string, string> };

const exact = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
const rootImports = (await readConfig("deno.json")).imports;

Deno.test("deno.json pins npm packages exactly", () => {
  assert.deepEqual(findLooseImports(rootImports), []);
});

Deno.test("package.json pins its packages exactly", async () => {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(await readText("package.json"));
  const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(([, version]) =>
    !exact.test(`${version}`)
  );
  assert.deepEqual(loose, []);
});

for (const name of await functionNames()) {
  Deno.test(`the deno.json of ${name} names the root's versions and no lock of its own`, async () => {
    const { lock, imports } = await readConfig(`functions/${name}/deno.json`);
    assert.deepEqual(findLooseImports(imports), []);
    assert.deepEqual(findOtherVersions(imports, rootImports), []);
    // The lock is not uploaded; a second one beside each function would only drift from the root's.
    assert.equal(lock, false);
  });
}

Deno.test("the version rules refuse a range, a registry other than npm, and a version the root does not have", () => {
  const loose = { a: "npm:a@^1.2.3", b: `${"jsr"}:@std/b@1.2.3`, c: "npm:c", d: "npm:@scope/d@1" };
  assert.deepEqual(findLooseImports(loose), Object.values(loose));
  assert.deepEqual(findLooseImports({ a: "npm:a@1.2.3", d: "npm:@scope/d@1.2.3-beta.1/core" }), []);
  const ours = { zod: "npm:zod@4.6.7", "@supabase/server": "npm:@supabase/server@1.8.1" };
  assert.deepEqual(findOtherVersions({ "@supabase/server/core": "npm:@supabase/server@1.8.1/core" }, ours), []);
  assert.deepEqual(findOtherVersions({ zod: "npm:zod@4.6.8", new: "npm:new@1.0.0" }, ours), [
    "npm:zod@4.6.8",
    "npm:new@1.0.0",
  ]);
});

function findLooseImports(imports: Record<string, string>): string[] {
  return Object.values(imports).filter((target) => !exact.test(parsePackage(target)?.version ?? ""));
}

function findOtherVersions(imports: Record<string, string>, ours: Record<string, string>): string[] {
  const known = new Map(
    Object.values(ours).map((target) => [parsePackage(target)?.name, parsePackage(target)?.version]),
  );
  return Object.values(imports).filter((target) => {
    const found = parsePackage(target);
    return found === undefined || known.get(found.name) !== found.version;
  });
}

function parsePackage(specifier: string): { name: string; version: string } | undefined {
  const [, name, version] = specifier.match(/^npm:((?:@[^/]+\/)?[^@/]+)@([^/]+)(?:\/.*)?$/) ?? [];
  return name && version ? { name, version } : undefined;
}

async function readConfig(path: string): Promise<Config> {
  return JSON.parse(await readText(path));
}
