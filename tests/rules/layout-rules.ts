import type { Import, Module } from "../support/runner/module-graph.ts";

/** What the files of one place may import: `values` to run, and beyond that `types` to describe what they are given. */
type Place = { values: string[]; types: string[] };

const common = ["errors", "parsing", "version"].map((name) => `functions/_shared/${name}.ts`);
const shared = (...names: string[]) => names.map((name) => `functions/_shared/${name}/`);

/**
 * Who may import whom in `functions/` (docs/design.md, "Layout"). What decides is pure: rules import nothing but types, and the protocol
 * knows Stripe by its gateway's type alone, so that both can be tested without a network. The first place that fits counts.
 */
const places: [RegExp, Place][] = [
  [/^functions\/_shared\/rules\//, { values: shared("rules"), types: [...shared("stripe"), "npm:stripe"] }],
  [/^functions\/_shared\/protocol\//, { values: [...shared("protocol", "rules"), ...common], types: shared("stripe") }],
  [/^functions\/_shared\/stripe\//, {
    values: [...shared("stripe"), ...common, "npm:"],
    types: [...shared("rules"), "functions/_shared/run/clock.ts"],
  }],
  [/^functions\/_shared\/database\//, {
    values: [...shared("database"), ...common, "npm:"],
    types: [...shared("rules"), "functions/_shared/run/clock.ts"],
  }],
  [/^functions\/_shared\/run\//, {
    values: [...shared("run", "protocol", "rules", "stripe", "database"), ...common, "npm:"],
    types: ["functions/_shared/environment.ts"],
  }],
  [/^functions\/_shared\/http\//, {
    values: [...shared("http", "run", "database", "stripe"), ...common, "functions/_shared/environment.ts", "npm:"],
    types: shared("protocol", "rules"),
  }],
  [/^functions\/_shared\/[^/]+\.ts$/, { values: [...common, "npm:"], types: [] }],
  [/^functions\/[^/]+\/index\.ts$/, { values: ["functions/", "npm:"], types: [] }],
  // A job knows its run and what Stripe's answers mean, neither HTTP nor the environment.
  [/^functions\/[^/]+\//, {
    values: [...shared("run", "protocol", "rules", "database"), ...common, "npm:"],
    types: shared("stripe"),
  }],
];

/** A sentence for each import that breaks the layout. */
export function findWrongImports(modules: Module[]): string[] {
  return modules.flatMap(({ path, imports }) =>
    imports.filter((it) => !mayImport(path, it))
      .map(({ target, types }) => `${path} imports ${types ? "types of " : ""}${target}`)
  );
}

function mayImport(path: string, { target, types }: Import): boolean {
  // Nothing else is reachable where the tests run, nor in the lock of npm packages.
  if (/^[a-z]+:/.test(target) && !/^(npm|node):/.test(target)) return false;
  const [, place] = places.find(([pattern]) => pattern.test(path)) ?? [];
  if (place === undefined) return true;
  const [, folder] = path.split("/");
  // A function's own files know each other; no function knows another one.
  if (folder !== "_shared" && target.startsWith(`functions/${folder}/`)) return true;
  if (/^functions\/(?!_shared\/)/.test(target)) return false;
  const allowed = types ? [...place.values, ...place.types] : place.values;
  return allowed.some((start) => target.startsWith(start));
}

/** Each cycle once, as the modules in it, types included: two files that need each other are one thought. */
export function findCycles(modules: Module[]): string[][] {
  const targets = new Map(modules.map(({ path, imports }) => [path, imports.map(({ target }) => target)]));
  const cycles = new Map<string, string[]>();
  const visit = (path: string, trail: string[], done: Set<string>) => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      const cycle = trail.slice(at);
      cycles.set([...cycle].sort().join(), cycle);
    } else if (!done.has(path)) {
      for (const target of targets.get(path) ?? []) visit(target, [...trail, path], done);
      done.add(path);
    }
  };
  const done = new Set<string>();
  for (const { path } of modules) visit(path, [], done);
  return [...cycles.values()];
}

/**
 * What a file of `functions/` may touch, for `Deno.lint.runPlugin`. Environment variables are read in an index.ts alone. A job, and what
 * decides, knows no HTTP; what decides reads no clock either and leaves nothing to chance: all of that is an argument.
 */
export const layoutPlugin: Deno.lint.Plugin = {
  name: "layout",
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
        if (isIndex(context.filename) || (context.filename.includes("/_shared/") && !decides(context.filename))) {
          return {};
        }
        return {
          Identifier(node) {
            if (http.has(node.name)) context.report({ node, message: `knows HTTP: ${node.name}` });
          },
        };
      },
    },
    "no-clock": {
      create(context) {
        if (!decides(context.filename)) return {};
        return {
          "MemberExpression[object.name='Date'][property.name='now']"(node) {
            context.report({ node, message: "reads the clock" });
          },
          "NewExpression[callee.name='Date'][arguments.length=0]"(node) {
            context.report({ node, message: "reads the clock" });
          },
          "MemberExpression[object.name='Math'][property.name='random']"(node) {
            context.report({ node, message: "leaves it to chance" });
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

function decides(filename: string): boolean {
  return /\/_shared\/(rules|protocol)\//.test(filename);
}
