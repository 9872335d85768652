import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const stackFile = fileURLToPath(new URL("../../.lapse/stack.json", import.meta.url));

/** Writes down how to reach the running stack, for the command line (cli/environment.ts). Takes it away again, unless a later stack wrote over it. */
export async function announceStack(description: Record<string, unknown>, file = stackFile): Promise<AsyncDisposable> {
  const text = JSON.stringify(description, null, 2);
  await Deno.mkdir(dirname(file), { recursive: true });
  await Deno.writeTextFile(file, text, { mode: 0o600 });
  return {
    async [Symbol.asyncDispose]() {
      if (await readText(file) === text) await Deno.remove(file);
    },
  };
}

async function readText(file: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
