import assert from "node:assert/strict";
import { basename } from "node:path";
import { commands } from "../../cli/main.ts";
import { filesBelow } from "../support/runner/files.ts";
import { readText } from "../rules/project-files.ts";

const runbook = await readText("docs/payments-ops.md");
const routes = await readText("docs/API_ROUTES.md");
const pages = await Promise.all(["README.md", ...await filesBelow("docs", ".md")].map(readText));

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
  assert.deepEqual(named.sort(), [...new Set(read)].filter((name) => !name.startsWith("SUPABASE_")).sort());
});

Deno.test("every command of Lapse in the documents exists", () => {
  const known = new Set(commands.map(({ name }) => name));
  const written = pages.flatMap((page) => [...page.matchAll(/(?:\blapse -- |`lapse )([a-z][a-z -]*)/g)])
    .map(([, words]) => words!.trim().split(/ +/));
  assert.ok(written.length > 15);
  const unknown = written.filter(([one, two]) => !known.has(one!) && !known.has(`${one} ${two}`) && one !== "cleanup");
  // Commands of the npm package, which the documents may announce.
  const announced = ["init", "adapter", "enable", "update", "uninstall", "sql", "dev", "dashboard"];
  assert.deepEqual(unknown.filter(([one]) => !announced.includes(one!)).map((words) => words.join(" ")), []);
});

Deno.test("the page on the API names every state of a run, and every field of a request", async () => {
  const table = (after: string) => {
    const [, rest] = routes.split(after);
    return [...rest!.split("\n\n")[0]!.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name!).sort();
  };
  const [, states] = (await readText("functions/_shared/database/runs.ts")).match(/status = z\.enum\(\[([^\]]*)\]/)!;
  const named = table("read `status`.**\n\n").filter((name) => name !== "status");
  assert.deepEqual(named, [...states!.matchAll(/"(\w+)"/g)].map(([, state]) => state!).sort());
  const [, body] = (await readText("functions/_shared/http/job-request.ts")).match(/z\.strictObject\(\{([^]*?)\n\}\)/)!;
  const fields = [...body!.matchAll(/^ {2}(\w+)\??:/gm)].map(([, field]) => field!).sort();
  assert.deepEqual(table("only start the runs that its own database has queued.\n\n"), fields);
});

Deno.test("every object of the database that CONTRIBUTING.md places in a migration is created there", async () => {
  const migrations = await filesBelow("migrations", ".sql");
  const page = (await readText("CONTRIBUTING.md")).replaceAll("\n", " ");
  const placed = [...page.matchAll(/`lapse\.(\w+)(?:\(\))?` \(`…(\d{6}\w*?)(?:\.sql)?`/g)];
  assert.ok(placed.length > 5);
  for (const [text, object, file] of placed) {
    const path = migrations.find((path) => path.includes(file!));
    assert.match(
      path ? await readText(path) : "",
      new RegExp(`^create (table|function) lapse\\.${object}\\b`, "m"),
      text,
    );
  }
});
