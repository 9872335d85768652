import { join } from "node:path";
import { root } from "../support/runner/program.ts";
import type { Shop } from "../integration/support.ts";

export type Ran = { code: number; stdout: string; stderr: string };

/**
 * Runs the command line as a process of its own, with nothing in its environment but what is given: a test must not reach what its
 * developer happens to be signed in to.
 */
export async function cli(args: string[], env: Record<string, string> = {}): Promise<Ran> {
  const denoDir = Deno.env.get("DENO_DIR");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", "--unstable-no-legacy-abort", join(root, "cli/main.ts"), ...args],
    cwd: root,
    clearEnv: true,
    env: {
      HOME: Deno.env.get("HOME") ?? "/",
      PATH: Deno.env.get("PATH") ?? "",
      ...(denoDir ? { DENO_DIR: denoDir } : {}),
      LAPSE_ACTOR: "tester",
      ...env,
    },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Runs a command with `--json` and answers the exit code and the one value that it printed. */
// deno-lint-ignore no-explicit-any
export async function cliJson(args: string[], env: Record<string, string> = {}): Promise<{ code: number; json: any }> {
  const { code, stdout, stderr } = await cli([...args, "--json"], env);
  if (stdout.trim().includes("\n")) throw new Error(`Cannot read more than one line as one value: ${stdout}`);
  try {
    return { code, json: JSON.parse(stdout) };
  } catch {
    throw new Error(`Cannot read what ${args.join(" ")} printed as JSON: ${stdout}${stderr}`);
  }
}

/** The environment of a caller with the secret key. */
export function withKey({ stack }: Shop): Record<string, string> {
  return { LAPSE_URL: stack.apiUrl, LAPSE_SECRET_KEY: stack.secretKey };
}

/** The environment of a user who signs in. */
export function withLogin({ stack }: Shop, user: { email: string; password: string }): Record<string, string> {
  return {
    LAPSE_URL: stack.apiUrl,
    LAPSE_PUBLISHABLE_KEY: stack.publishableKey,
    LAPSE_EMAIL: user.email,
    LAPSE_PASSWORD: user.password,
  };
}
