import { backlog } from "./backlog.ts";
import { claim } from "./claim.ts";
import { cold } from "./cold.ts";
import { cpu, memory } from "./cpu.ts";
import { growth } from "./growth.ts";
import { idle } from "./idle.ts";
import { lists } from "./lists.ts";
import { pace } from "./pace.ts";
import { perOrder } from "./per-order.ts";
import { reads } from "./reads.ts";
import { settle } from "./settle.ts";
import type { Bench } from "./support/bench.ts";
import { triggers } from "./triggers.ts";
import { webhook } from "./webhook.ts";

/** Every bench. */
export const benches: Bench[] = [
  claim,
  settle,
  perOrder,
  pace,
  cpu,
  memory,
  cold,
  lists,
  triggers,
  idle,
  webhook,
  backlog,
  reads,
  growth,
];
