import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const stackFile = fileURLToPath(new URL("../../.lapse/stack.json", import.meta.url));
const another = z.looseObject({ apiUrl: z.url(), secretKey: z.string() });

/** `replaced`: the address of the stack that commands used before, if it is still running. */
export type Announced = AsyncDisposable & { replaced: string | null };

/**
 * Publishes the addresses and keys of the running stack for the command line (cli/target.ts). When it stops, the
 * previous stack's file is restored if that stack is still running; a file written by a later stack is left alone.
 */
export async function announceStack(description: Record<string, unknown>, file = stackFile): Promise<Announced> {
  const text = JSON.stringify(description, null, 2);
  const before = await readText(file);
  const replaced = await runningAt(before);
  await Deno.mkdir(dirname(file), { recursive: true });
  await write(file, text);
  return {
    replaced,
    async [Symbol.asyncDispose]() {
      if (await readText(file) !== text) return;
      if (before !== null && await runningAt(before)) await write(file, before);
      else await Deno.remove(file);
    },
  };
}

/** The address of a stack that accepts its own key. The port alone may belong to another program now. */
async function runningAt(text: string | null): Promise<string | null> {
  try {
    const { apiUrl, secretKey } = another.parse(JSON.parse(text ?? "null"));
    const response = await fetch(`${apiUrl}/rest/v1/lapse_metrics?select=job`, {
      headers: { apikey: secretKey },
      signal: AbortSignal.timeout(2_000),
    });
    await response.body?.cancel();
    return response.ok ? apiUrl : null;
  } catch {
    return null;
  }
}

async function write(file: string, text: string): Promise<void> {
  await Deno.writeTextFile(file, text, { mode: 0o600 });
}

async function readText(file: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
