import { calls } from "./calls.ts";
import { claim } from "./claim.ts";
import { cold } from "./cold.ts";
import { cpu, cpuWithoutPayments } from "./cpu.ts";
import { health } from "./health.ts";
import { idle } from "./idle.ts";
import { perOrder } from "./per-order.ts";
import { settle } from "./settle.ts";
import { stripe } from "./stripe.ts";
import type { Bench } from "./support/bench.ts";
import { sweep } from "./sweep.ts";

/** Every bench. `cpu-no-intents` measures memory as well, and `stripe` the call budget's own cost. */
export const benches: Bench[] = [
  claim,
  settle,
  perOrder,
  stripe,
  calls,
  cpu,
  cpuWithoutPayments,
  cold,
  sweep,
  idle,
  health,
];
