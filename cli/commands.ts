import type { Command } from "./command.ts";
import { alerts } from "./commands/alerts.ts";
import { declareDead } from "./commands/declare-dead.ts";
import { doctor } from "./commands/doctor.ts";
import { metrics } from "./commands/metrics.ts";
import { order } from "./commands/order.ts";
import { redrive } from "./commands/redrive.ts";
import { runCleanup, runExpire } from "./commands/run.ts";
import { status } from "./commands/status.ts";
import { sync } from "./commands/sync.ts";

/** In the order an operator needs them. */
export const commands: Command[] = [
  status,
  metrics,
  order,
  alerts,
  runExpire,
  runCleanup,
  sync,
  redrive,
  declareDead,
  doctor,
];
