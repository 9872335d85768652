import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { z } from "zod";
import { defineCommand } from "../command.ts";
import { findStart, type Start } from "../dev/tools.ts";
import { RefusedError } from "../errors.ts";
import { openRepository } from "../install/repository.ts";

export const dev = defineCommand({
  name: "dev",
  summary:
    "Runs the shop's migrations, seed and functions on this machine, with Stripe simulated, until Ctrl-C. No Docker",
  options: {
    project: { value: "DIR", help: "the shop's repository (this folder, or the nearest one above it with supabase/)" },
    port: { value: "N", help: "of the API (a free one)" },
    "db-url": {
      value: "URL",
      help: "a running PostgreSQL, as its superuser; its Vault entries are restored at the end (a new server)",
    },
    "stripe-api-base": {
      value: "URL",
      help: "a Stripe server to use instead of the simulator; it receives the key sk_test_local",
    },
  },
  input: z.strictObject({
    project: z.string().trim().min(1, "it is empty").default("."),
    port: z.string().optional(),
    "db-url": z.string().optional(),
    "stripe-api-base": z.string().optional(),
  }),
  run: async ({ project, ...given }, { asJson }) => {
    const start = findStart();
    const { root } = openRepository(project);
    // The platform itself knows which values it can use.
    const options = Object.entries(given).flatMap(([name, value]) => value === undefined ? [] : [`--${name}`, value]);
    const code = await runUntilStopped(start, ["--project", root, ...options, ...asJson ? ["--json"] : []]);
    if (code !== 0) throw new RefusedError(`The local platform ended with exit code ${code}`);
    // It has printed everything itself, with --json exactly one line.
    return { well: true, json: null, text: null };
  },
});

/** The exit code. Ctrl-C reaches both programs; this one waits until the other has stopped its servers. */
async function runUntilStopped({ program, args }: Start, options: string[]): Promise<number> {
  const child = spawn(program, [...args, ...options], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, "exit");
  return code ?? 1;
}
