import { fileURLToPath } from "node:url";
import { packageProgram } from "../packages.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Applies the migrations of `project` to the database behind `url` with the Supabase CLI, and the seed if it is another
 * project. Vault entries are left to the caller (`--skip-vault`). Throws with the CLI's output.
 */
export async function migrate(url: string, project = root): Promise<void> {
  const target = new URL(url);
  target.searchParams.set("sslmode", "disable");
  const seed = project === root ? [] : ["--include-seed"];
  const args = ["db", "push", `--remote=${target.href}`, "--yes", "--skip-vault", ...seed, "--workdir", project];
  const env = { SUPABASE_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", NO_COLOR: "1" };
  const { success, code, stdout, stderr } = await new Deno.Command(packageProgram("supabase"), {
    args,
    env,
    cwd: root,
    stdin: "null",
  })
    .output();
  if (success) return;
  const text = new TextDecoder();
  const said = `${text.decode(stdout)}${text.decode(stderr)}`.trim();
  throw new Error(`Cannot apply the migrations with supabase db push: exit code ${code}\n${said}`);
}
