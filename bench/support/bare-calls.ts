import { fileURLToPath } from "node:url";
import { startStripeSimulator } from "../../local/stripe-simulator/start.ts";

/** Milliseconds of CPU per call of a Deno process that does nothing but what nobody can do without: send, read, parse. */
export async function bareCallsCpuMs(count: number): Promise<number> {
  const simulator = await startStripeSimulator({ preset: "unlimited" });
  try {
    const ids = simulator.control.createPaymentIntents([{ count, amount: 2000 }]);
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-config",
        "--allow-net",
        fileURLToPath(new URL("./bare-caller.js", import.meta.url)),
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(JSON.stringify({ apiBase: simulator.apiBase, ids })));
    await writer.close();
    const { code, stdout } = await child.output();
    if (code !== 0) throw new Error("Cannot measure bare calls: the process failed");
    return Number(new TextDecoder().decode(stdout)) / count;
  } finally {
    await simulator.close();
  }
}
