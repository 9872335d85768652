import { serveControl } from "./control-server.ts";
import { createControl, type StripeControl } from "./control.ts";
import { serveStripe } from "./http-server.ts";
import { createWorld, type WorldOptions } from "./world.ts";

export type StripeSimulatorOptions = WorldOptions & {
  /** Ports of /v1 and of the control API; 0, the default, chooses free ones. */
  port?: number;
  controlPort?: number;
  /** `close` throws if the limits caused a single 429, or if the simulator had a bug. */
  strict?: boolean;
};

export type StripeSimulator = {
  /** `http://127.0.0.1:<port>`: what STRIPE_API_BASE is set to. */
  apiBase: string;
  controlUrl: string;
  control: StripeControl;
  /** What `new Stripe(key, …)` needs to talk to it. */
  clientOptions: { host: string; port: number; protocol: "http" };
  close: () => Promise<void>;
};

/** Starts a separate Stripe on this machine: /v1 on one port, the control API on another. */
export async function startStripeSimulator(options: StripeSimulatorOptions = {}): Promise<StripeSimulator> {
  const world = createWorld(options);
  const control = createControl(world);
  const api = await serveStripe(world, options.port ?? 0);
  const steering = await serveControl(control, options.controlPort ?? 0);
  return {
    apiBase: api.url,
    controlUrl: steering.url,
    control,
    clientOptions: { host: "127.0.0.1", port: Number(new URL(api.url).port), protocol: "http" },
    async close() {
      world.timers.close();
      await Promise.all([api.close(), steering.close()]);
      const limited = control.rateLimitedCalls();
      const faults = [...world.defects, ...(limited.length > 0 ? [`${limited.length} calls were rate limited`] : [])];
      if (options.strict && faults.length > 0) {
        throw new Error(`Cannot pass the strict simulator: ${faults.join("; ")}`);
      }
    },
  };
}
