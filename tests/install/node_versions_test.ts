import assert from "node:assert/strict";
import { delimiter, join } from "node:path";
import { command } from "../support/command.ts";
import { installPackage, pack, succeed } from "./package.ts";

/** CI names the others that the package says it runs on (tests/ci/npm-checks.ts). */
const others = Deno.env.get("LAPSE_OTHER_NODES")?.split(delimiter) ?? [];

Deno.test("the installed command runs on every supported Node", async (test) => {
  const tarball = await pack();
  for (const node of ["node", ...others]) {
    const { stdout: version } = await command(node, ["--version"]);
    await test.step(`Node ${version.trim()}`, () => install(tarball, node));
  }
});

async function install(tarball: string, node: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lapse-node-" });
  try {
    await Deno.mkdir(join(folder, "supabase"));
    await Deno.writeTextFile(join(folder, "supabase", "config.toml"), `project_id = "shop"\n`);
    await installPackage(tarball, folder);
    const lapse = (...args: string[]) =>
      command(node, [join(folder, "node_modules", "lapse", "bin", "lapse.mjs"), ...args], {
        env: { LAPSE_URL: "http://127.0.0.1:9", LAPSE_SECRET_KEY: "sb_secret_nobody" },
      });
    const help = await lapse("--help");
    succeed(help);
    assert.match(help.stdout, /Usage: npx lapse .*doctor .*init /s);
    const init = await lapse("init", "--yes", "--project", folder);
    succeed(init);
    assert.match(init.stdout, /add +supabase\/functions\/lapse-health\//);
    assert.match((await lapse("init", "--project", folder)).stdout, /^Nothing has to be changed/);
    assert.match((await lapse("sql")).stdout, /create schema lapse;/);
    // Its clients load and report that the project is unreachable.
    const status = await lapse("status");
    assert.equal(status.code, 3, status.output);
    assert.match(status.output, /Cannot reach http:\/\/127\.0\.0\.1:9/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
