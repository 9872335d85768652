import { join } from "node:path";
import { startManagementApi, type Upload } from "./management-api.ts";
import { root } from "../support/runner/program.ts";
import { supabase } from "../support/supabase-cli.ts";

const project = "abcdefghijklmnopqrst";
const accessToken = `sbp_${"0123456789".repeat(4)}`;

/**
 * Deploys one function of the project in `folder` with the real CLI, bundled by the server and so without Docker, to a stand-in of the
 * management API. Resolves to what arrived there. Throws with what the CLI printed, also if it warns about a file it cannot read.
 */
export async function deploy(name: string, folder = root): Promise<Upload> {
  await using api = startManagementApi({ accessToken });
  const home = await Deno.makeTempDir({ prefix: "lapse-deploy-" });
  try {
    const profile = join(home, "profile.yaml");
    // SUPABASE_API_URL does not reach this command (CLI 3.1.0); a profile does.
    await Deno.writeTextFile(
      profile,
      `name: stand-in\napi_url: ${api.url}\ndashboard_url: ${api.url}\nproject_host: localhost\n`,
    );
    const { code, output } = await supabase(
      ["functions", "deploy", name, "--use-api", `--remote=${project}`, "--yes"],
      {
        workdir: folder,
        env: { HOME: home, SUPABASE_PROFILE: profile, SUPABASE_ACCESS_TOKEN: accessToken },
      },
    );
    if (code !== 0 || output.includes("WARN")) {
      throw new Error(`Cannot deploy ${name}: exit code is ${code}\n${output}`);
    }
    const [upload] = api.uploads;
    if (api.uploads.length !== 1 || !upload) {
      throw new Error(`Cannot deploy ${name}: ${api.uploads.length} uploads arrived\n${output}`);
    }
    return upload;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** Writes files, named by their path below `folder`. What was uploaded is then all that is left of a function. */
export async function unpack(files: Iterable<[string, Uint8Array | string]>, folder: string): Promise<void> {
  for (const [path, content] of files) {
    const target = join(folder, path);
    if (!target.startsWith(join(folder, "/"))) throw new Error(`Cannot unpack ${path}: it leaves the folder`);
    await Deno.mkdir(join(target, ".."), { recursive: true });
    await Deno.writeFile(target, typeof content === "string" ? new TextEncoder().encode(content) : content);
  }
}
