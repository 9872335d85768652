import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startFunctionsHost } from "../../local/functions-host/start.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

Deno.test("the leftovers of a killed functions host, and nothing else, are removed by the next one", async () => {
  const [abandoned, unknown] = await Promise.all([scratchFolder(), scratchFolder()]);
  const gone = new Deno.Command(Deno.execPath(), { args: ["--version"], stdout: "null" }).spawn();
  await gone.status;
  await Deno.writeTextFile(join(abandoned, "owner.pid"), String(gone.pid));
  const own = await startFunctionsHost({ env: {} });
  try {
    assert.ok(!await exists(abandoned));
    assert.ok(await exists(unknown), "it may be one that begins at this moment");
    const next = await startFunctionsHost({ env: {} });
    await next.close();
    assert.equal((await foldersOf(Deno.pid)).length, 1, "a host that runs lost its folder");
  } finally {
    await own.close();
    await Deno.remove(unknown);
  }
  assert.deepEqual(await foldersOf(Deno.pid), []);
});

Deno.test("a demo that is interrupted exits with 130 and leaves nothing behind", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", "--unstable-no-legacy-abort", "local/demo/main.ts"],
    cwd: root,
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!said.includes("expire-stale-orders")) {
    const { value, done } = await lines.read();
    assert.ok(!done, said);
    said += value;
  }
  assert.equal((await foldersOf(child.pid)).length, 1);
  child.kill("SIGINT");
  while (!(await lines.read()).done);
  assert.equal((await child.status).code, 130);
  assert.deepEqual(await foldersOf(child.pid), []);
});

function scratchFolder(): Promise<string> {
  return Deno.makeTempDir({ prefix: "lapse-functions-" });
}

/** Folders of hosts that the program `pid` started. */
async function foldersOf(pid: number): Promise<string[]> {
  const probe = await scratchFolder();
  await Deno.remove(probe);
  const parent = join(probe, "..");
  const found: string[] = [];
  for await (const { name } of Deno.readDir(parent)) {
    if (!name.startsWith("lapse-functions-")) continue;
    const owner = await Deno.readTextFile(join(parent, name, "owner.pid")).catch(() => "");
    if (owner === String(pid)) found.push(name);
  }
  return found;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
