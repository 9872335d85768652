import type { Fault } from "../fault.ts";
import { DATABASE_FAULTS } from "./database.ts";
import { HTTP_FAULTS } from "./http.ts";
import { PROTOCOL_FAULTS } from "./protocol.ts";
import { RULE_FAULTS } from "./rules.ts";
import { RUN_FAULTS } from "./run.ts";
import { STRIPE_FAULTS } from "./stripe.ts";

/** All planted faults, by the part of the product they are in. */
export const ROOMS: Record<string, Fault[]> = {
  rules: RULE_FAULTS,
  protocol: PROTOCOL_FAULTS,
  stripe: STRIPE_FAULTS,
  run: RUN_FAULTS,
  http: HTTP_FAULTS,
  database: DATABASE_FAULTS,
};
