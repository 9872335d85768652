import { fileURLToPath } from "node:url";
import { startStripeSimulator } from "../../local/stripe-simulator/start.ts";

/** Milliseconds of CPU per payment of a process that does nothing but read and cancel each of them. */
export async function bareCancelsCpuMs(count: number): Promise<number> {
  const simulator = await startStripeSimulator({ preset: "unlimited" });
  try {
    const ids = simulator.control.createPaymentIntents([{ count, amount: 2000 }]);
    return await bareCpuMs({ apiBase: simulator.apiBase, ids }) / count;
  } finally {
    await simulator.close();
  }
}

/** Milliseconds of CPU of a process that does nothing but read the pages of these stretches of Stripe's list and parse them. */
export function barePagesCpuMs(apiBase: string, pages: { from: number; to: number }[]): Promise<number> {
  return bareCpuMs({ apiBase, pages });
}

async function bareCpuMs(work: { apiBase: string; ids?: string[]; pages?: unknown[] }): Promise<number> {
  const program = fileURLToPath(new URL("./bare-caller.js", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--allow-net", program],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(work)));
  await writer.close();
  const { code, stdout } = await child.output();
  if (code !== 0) throw new Error("Cannot measure bare calls: the process failed");
  return Number(new TextDecoder().decode(stdout));
}
