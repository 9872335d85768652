import assert from "node:assert/strict";
import { join } from "node:path";
import type { Postgres } from "../../local/postgres/start.ts";
import { installPackage, lapse, pack, packNext } from "../install/package.ts";
import { catalogueOf, installLapse, platformDatabase, startPlainServer } from "../install/plain-databases.ts";
import type { Ended } from "../support/command.ts";
import { supabase } from "../support/supabase-cli.ts";
import { copyRepository, KINDS, makeRepository, snapshot } from "./repositories.ts";

let present: string;
let next: string;
Deno.test.beforeAll(async () => {
  [present, next] = await Promise.all([installed(pack()), installed(packNext())]);
});
Deno.test.afterAll(async () => {
  await Promise.all([present, next].map((folder) => Deno.remove(folder, { recursive: true })));
});

async function installed(tarball: Promise<string>): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "lapse-installed-" });
  await installPackage(await tarball, folder);
  return folder;
}

for (const kind of KINDS) {
  Deno.test(`${kind.name}: init, init again, update, uninstall and init again change nothing that is not Lapse's`, async () => {
    const repository = await makeRepository(kind);
    const before = await snapshot(repository);
    const init = () => lapse(present, ["init", "--yes", "--project", repository]);
    if (kind.refused) {
      const { code, output } = await init();
      assert.deepEqual([code, await snapshot(repository)], [1, before]);
      assert.match(output, kind.refused);
      await Deno.remove(repository, { recursive: true });
      return;
    }

    assert.deepEqual(await snapshotAfterDryRun(repository), before);
    ended(await init());
    const installed = await snapshot(repository);
    assertUntouched(before, installed);
    const [migration] = lapsesMigrations(installed);
    assert.ok(
      Object.keys(before).filter(isMigration).every((path) => path < migration!),
      `${migration} comes too early`,
    );

    assert.match(ended(await init()), /^Nothing has to be changed/);
    assert.deepEqual(await snapshot(repository), installed);

    await refuseEdited(repository);
    ended(await lapse(next, ["update", "--yes", "--project", repository]));
    const updated = await snapshot(repository);
    assertUntouched(before, updated);
    assert.equal(lapsesMigrations(updated).length, 2);
    assert.equal(updated[migration!], installed[migration!]);
    for (const command of ["update", "init"]) {
      assert.match(ended(await lapse(next, [command, "--project", repository])), /^Nothing has to be changed/);
    }

    ended(await lapse(next, ["uninstall", "--yes", "--project", repository]));
    const uninstalled = await snapshot(repository);
    assert.deepEqual(withoutMigrations(uninstalled), withoutMigrations(before));
    assert.equal(lapsesMigrations(uninstalled).length, 3);

    ended(await lapse(next, ["init", "--yes", "--project", repository]));
    const again = await snapshot(repository);
    assertUntouched(before, again);
    assert.equal(lapsesMigrations(again).length, 4);
    assert.match(ended(await lapse(next, ["init", "--project", repository])), /^Nothing has to be changed/);
    await Deno.remove(repository, { recursive: true });
  });
}

async function snapshotAfterDryRun(repository: string) {
  ended(await lapse(present, ["init", "--dry-run", "--project", repository]));
  return await snapshot(repository);
}

/** Without --force, an update stops at an edited function and changes nothing. */
async function refuseEdited(repository: string): Promise<void> {
  const copy = await copyRepository(repository);
  const edited = join(copy, "supabase/functions/lapse-health/index.ts");
  await Deno.writeTextFile(edited, "// edited\n", { append: true });
  const before = await snapshot(copy);
  const { code, output } = await lapse(next, ["update", "--yes", "--project", copy]);
  assert.deepEqual([code, await snapshot(copy)], [1, before]);
  assert.match(output, /lapse-health\/index\.ts was edited here/);
  ended(await lapse(next, ["update", "--yes", "--force", "--project", copy]));
  assert.match(await Deno.readTextFile(edited), /of Lapse 0\.3\.0/);
  await Deno.remove(copy, { recursive: true });
}

function ended({ code, stdout, output }: Ended): string {
  assert.equal(code, 0, output);
  return stdout;
}

const isMigration = (path: string) => path.startsWith("supabase/migrations/");
const isLapses = (path: string) =>
  /^supabase\/(lapse\.json|config\.\w+\.before-lapse|functions\/(lapse-\w+|expire-stale-orders|cleanup-stale-payment-intents)\/|migrations\/\d+_lapse_)/
    .test(path);

function lapsesMigrations(files: Record<string, string>): string[] {
  return Object.keys(files).filter((path) => isMigration(path) && isLapses(path));
}

function withoutMigrations(files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).filter(([path]) => !isMigration(path) || !isLapses(path)));
}

/** Lapse may add files of its own and sections to the configuration that counts, and touches nothing else. */
function assertUntouched(before: Record<string, string>, after: Record<string, string>): void {
  const config = Object.hasOwn(before, "supabase/config.json") ? "supabase/config.json" : "supabase/config.toml";
  const others = (files: Record<string, string>) =>
    Object.fromEntries(Object.entries(files).filter(([path]) => !isLapses(path) && path !== config));
  assert.deepEqual(others(after), others(before));
  // Whatever was there is there in the same order, with additions between.
  let at = 0;
  for (const character of before[config]!) {
    at = after[config]!.indexOf(character, at) + 1;
    assert.notEqual(at, 0, `${config} lost something`);
  }
}

const DATABASES = ["new", "sequential names", "stamps in the future"];

Deno.test("the migrations of an install, an update, an uninstall and another install leave what a direct install leaves", async () => {
  await using server = await startPlainServer();
  const direct = await catalogueOf(await directInstall(server));
  for (const name of DATABASES) {
    const kind = KINDS.find((it) => it.name === name)!;
    const repository = await makeRepository(kind);
    const database = await platformDatabase(server, name.replaceAll(" ", "_"));
    const push = async () => {
      const { code, output } = await supabase(["db", "push", "--yes", "--skip-vault"], {
        database: database.url,
        workdir: repository,
      });
      assert.equal(code, 0, output);
      return await catalogueOf(database);
    };
    const shop = await push();
    const added = (catalogue: string[]) => catalogue.filter((line) => !shop.includes(line));
    ended(await lapse(present, ["init", "--yes", "--project", repository]));
    const installed = await push();
    assert.deepEqual(added(installed), direct.filter((line) => !shop.includes(line)), name);
    assert.deepEqual(shop.filter((line) => !installed.includes(line)), [], name);

    ended(await lapse(next, ["update", "--yes", "--project", repository]));
    const updated = await push();
    const changed = added(updated).filter((line) => !installed.includes(line));
    assert.deepEqual(changed.map((line) => line.split(" ", 2).join(" ").replace(/\(.*/, "")).sort(), [
      "column lapse.settings.next_release",
      "comment on",
      "function lapse.adapter_problem",
      "function lapse.version",
    ]);

    ended(await lapse(next, ["uninstall", "--yes", "--project", repository]));
    assert.deepEqual(await push(), shop, name);
    ended(await lapse(present, ["init", "--yes", "--project", repository]));
    assert.deepEqual(await push(), installed, name);
    await Deno.remove(repository, { recursive: true });
  }
});

async function directInstall(server: Postgres) {
  const database = await platformDatabase(server, "direct");
  await installLapse(database);
  return database;
}
