import { join } from "node:path";
import { startManagementApi, type Upload } from "./management-api.ts";
import { root } from "../support/runner/program.ts";

const cli = join(root, "node_modules", ".bin", "supabase");
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
    const said = await runCli(
      ["functions", "deploy", name, "--use-api", `--remote=${project}`, "--yes", "--workdir", folder],
      { HOME: home, SUPABASE_PROFILE: profile, SUPABASE_ACCESS_TOKEN: accessToken },
    );
    const [upload] = api.uploads;
    if (api.uploads.length !== 1 || !upload) throw new Error(`Cannot deploy ${name}: nothing arrived\n${said}`);
    return upload;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

async function runCli(args: string[], variables: Record<string, string>): Promise<string> {
  const env = { ...variables, SUPABASE_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", NO_COLOR: "1" };
  const { code, stdout, stderr } = await new Deno.Command(cli, { args, env, stdin: "null" }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (code !== 0 || said.includes("WARN")) {
    throw new Error(`Cannot run supabase ${args.join(" ")}: exit code is ${code}\n${said}`);
  }
  return said;
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
