import type { Module } from "../support/runner/module-graph.ts";

/**
 * Who may import whom (docs/design.md, "Rooms"): the product never leaves `functions/`, what is shared knows no job, and one job
 * never another. Returns a sentence per import that breaks it.
 */
export function findWrongImports(modules: Module[]): string[] {
  return modules.flatMap(({ path, imports }) =>
    imports.filter((target) => !mayImport(path, target)).map((target) => `${path} imports ${target}`)
  );
}

function mayImport(path: string, target: string): boolean {
  if (/^(npm|node):/.test(target)) return true;
  // Neither is reachable where the tests run, and neither is in the lock of npm packages.
  if (/^[a-z]+:/.test(target)) return false;
  const [room, folder] = path.split("/");
  if (room !== "functions") return true;
  const [targetRoom, targetFolder] = target.split("/");
  return targetRoom === "functions" && (targetFolder === "_shared" || targetFolder === folder);
}

/**
 * What a file of `functions/` may touch, for `Deno.lint.runPlugin`. Environment variables are read in an index.ts alone; a job, which is
 * any other file of its folder, knows no HTTP either. In `_shared` HTTP has its rooms: the gate, the budgeted fetch.
 */
export const roomPlugin: Deno.lint.Plugin = {
  name: "rooms",
  rules: {
    "no-environment": {
      create(context) {
        if (isIndex(context.filename)) return {};
        return {
          "MemberExpression[object.name='Deno'][property.name='env']"(node) {
            context.report({ node, message: "reads the environment" });
          },
          "MemberExpression[object.name='process'][property.name='env']"(node) {
            context.report({ node, message: "reads the environment" });
          },
        };
      },
    },
    "no-http": {
      create(context) {
        if (isIndex(context.filename) || context.filename.includes("/_shared/")) return {};
        return {
          Identifier(node) {
            if (http.has(node.name)) context.report({ node, message: `knows HTTP: ${node.name}` });
          },
        };
      },
    },
  },
};

const http = new Set(["Request", "Response", "Headers", "fetch"]);

function isIndex(filename: string): boolean {
  return filename.endsWith("/index.ts");
}
