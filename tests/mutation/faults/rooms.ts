import type { Fault } from "../fault.ts";
import { CLAIM_FAULTS } from "./claim.ts";
import { CLOSE_FAULTS } from "./close.ts";
import { DATABASE_FAULTS } from "./database.ts";
import { SHOP_FAULTS } from "./shop.ts";
import { MONEY_FAULTS } from "./money.ts";
import { REFUND_FAULTS } from "./refunds.ts";
import { LEDGER_FAULTS } from "./ledger.ts";
import { SCHEDULE_FAULTS } from "./schedule.ts";
import { WATCH_FAULTS } from "./watch.ts";
import { GRANT_FAULTS } from "./grants.ts";
import { HTTP_FAULTS } from "./http.ts";
import { LIST_FAULTS } from "./lists.ts";
import { OPERATOR_FAULTS } from "./operators.ts";
import { PROTOCOL_FAULTS } from "./protocol.ts";
import { RULE_FAULTS } from "./rules.ts";
import { RUN_FAULTS } from "./run.ts";
import { RUNS_FAULTS } from "./runs.ts";
import { SETTLE_FAULTS } from "./settle.ts";
import { STRIPE_FAULTS } from "./stripe.ts";

/** All planted faults, by the part of the product they are in. */
export const ROOMS: Record<string, Fault[]> = {
  rules: RULE_FAULTS,
  protocol: PROTOCOL_FAULTS,
  stripe: STRIPE_FAULTS,
  run: RUN_FAULTS,
  http: HTTP_FAULTS,
  database: DATABASE_FAULTS,
  shop: SHOP_FAULTS,
  money: [...MONEY_FAULTS, ...REFUND_FAULTS],
  ledger: LEDGER_FAULTS,
  claim: CLAIM_FAULTS,
  close: CLOSE_FAULTS,
  settle: SETTLE_FAULTS,
  lists: LIST_FAULTS,
  runs: RUNS_FAULTS,
  operators: OPERATOR_FAULTS,
  schedule: SCHEDULE_FAULTS,
  watch: WATCH_FAULTS,
  grants: GRANT_FAULTS,
};
