import type { Fault } from "../fault.ts";
import { ADOPTING_FAULTS } from "./adopting.ts";
import { BUDGET_FAULTS } from "./budget.ts";
import { BUDGET_SQL_FAULTS } from "./budget-sql.ts";
import { CLEANUP_FAULTS } from "./cleanup.ts";
import { CLEANUP_DECISION_FAULTS } from "./cleanup-decisions.ts";
import { CLEANUP_SQL_FAULTS } from "./cleanup-sql.ts";
import { DECISION_FAULTS } from "./decisions.ts";
import { EDGE_FAULTS } from "./edge.ts";
import { PORT_SQL_FAULTS } from "./port-sql.ts";
import { REFUSAL_FAULTS } from "./refusals.ts";
import { PROOF_FAULTS } from "./proof.ts";
import { RUN_FAULTS } from "./runs.ts";
import { RUNS_SQL_FAULTS } from "./runs-sql.ts";
import { SCHEDULE_SQL_FAULTS } from "./schedule-sql.ts";
import { SHOP_SQL_FAULTS } from "./shop-sql.ts";
import { SURROUNDINGS_FAULTS } from "./surroundings.ts";
import { OUTCOME_FAULTS, VERDICT_FAULTS } from "./verdicts.ts";
import { WORK_SQL_FAULTS } from "./work-sql.ts";

export const FAULTS: Fault[] = [
  ...VERDICT_FAULTS,
  ...OUTCOME_FAULTS,
  ...DECISION_FAULTS,
  ...CLEANUP_FAULTS,
  ...CLEANUP_DECISION_FAULTS,
  ...RUN_FAULTS,
  ...REFUSAL_FAULTS,
  ...BUDGET_FAULTS,
  ...EDGE_FAULTS,
  ...SURROUNDINGS_FAULTS,
  ...SHOP_SQL_FAULTS,
  ...PORT_SQL_FAULTS,
  ...RUNS_SQL_FAULTS,
  ...WORK_SQL_FAULTS,
  ...BUDGET_SQL_FAULTS,
  ...ADOPTING_FAULTS,
  ...PROOF_FAULTS,
  ...CLEANUP_SQL_FAULTS,
  ...SCHEDULE_SQL_FAULTS,
];
