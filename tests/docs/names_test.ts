import assert from "node:assert/strict";
import { basename } from "node:path";
import { filesBelow } from "../support/runner/files.ts";
import { readText } from "../rules/project-files.ts";

const runbook = await readText("docs/payments-ops.md");

Deno.test("the runbook names every snippet, and no other", async () => {
  const snippets = (await filesBelow("supabase/snippets", ".sql")).map((path) => basename(path, ".sql"));
  const named = [...runbook.matchAll(/_([a-z0-9]+(?:-[a-z0-9]+)+)_/g)].map(([, name]) => name!);
  assert.deepEqual([...new Set(named)].sort(), snippets.sort());
});

Deno.test("the runbook names every variable of the functions that the platform does not bring, and no other", async () => {
  const source = await readText("functions/_shared/environment.ts");
  const read = [...source.matchAll(/"([A-Z]+(?:_[A-Z]+)+)"/g)].map(([, name]) => name!);
  const [, section] = runbook.split("## Variables of the functions\n");
  const named = [...section!.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name!);
  assert.deepEqual(named.sort(), read.filter((name) => !name.startsWith("SUPABASE_")).sort());
});

Deno.test("the page on adopting counts and names every function that knows the shop", async () => {
  const page = await readText("docs/adopting.md");
  const migrations = await Promise.all((await filesBelow("migrations", ".sql")).map(readText));
  const found = migrations.flatMap((text) => [...text.matchAll(/create (?:or replace )?function (jobs\.shop_\w+)/g)]);
  const functions = [...new Set(found.map(([, name]) => name!))].sort();
  assert.match(page, new RegExp(`: ${functions.length} called \`jobs\\.shop_`));
  assert.deepEqual(functions.filter((name) => !page.includes(`\`${name}\``)), []);
});

Deno.test("the page on the API names every state of a run", async () => {
  const source = await readText("functions/_shared/database/contracts.ts");
  const [, list] = source.match(/enum\(\[\s*("queued"[^\]]*)\]/)!;
  const states = [...list!.matchAll(/"(\w+)"/g)].map(([, state]) => state!);
  const [, table] = (await readText("docs/API_ROUTES.md")).split("look at `status`.**\n");
  const named = [...table!.split("\n\n")[0]!.matchAll(/^\| `(\w+)`/gm)].map(([, state]) => state!).filter((it) =>
    it !== "status"
  );
  assert.deepEqual(named.sort(), states.sort());
});
