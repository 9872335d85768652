import { parseArgs } from "node:util";
import { z } from "zod";
import { startStripeSimulator } from "./start.ts";

const optionsSchema = z.strictObject({
  port: z.coerce.number().int().optional(),
  "control-port": z.coerce.number().int().optional(),
  preset: z.enum(["sandbox", "live", "unlimited"]).optional(),
  latency: z.coerce.number().min(0).optional(),
});

if (import.meta.main) {
  const string = { type: "string" as const };
  const { values } = parseArgs({ options: { port: string, "control-port": string, preset: string, latency: string } });
  const { port, preset, "control-port": controlPort, latency: latencyMs } = optionsSchema.parse(values);
  const simulator = await startStripeSimulator({ port, controlPort, preset, latencyMs });
  console.log(JSON.stringify({ apiBase: simulator.apiBase, controlUrl: simulator.controlUrl }));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => void simulator.close().then(() => Deno.exit(0)));
  }
}
