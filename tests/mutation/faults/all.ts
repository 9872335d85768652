import type { Fault } from "../fault.ts";
import { BUDGET_FAULTS } from "./budget.ts";
import { DECISION_FAULTS } from "./decisions.ts";
import { EDGE_FAULTS } from "./edge.ts";
import { JOBS_SQL_FAULTS } from "./jobs-sql.ts";
import { RUN_FAULTS } from "./runs.ts";
import { SHOP_SQL_FAULTS } from "./shop-sql.ts";
import { OUTCOME_FAULTS, VERDICT_FAULTS } from "./verdicts.ts";

export const FAULTS: Fault[] = [
  ...VERDICT_FAULTS,
  ...OUTCOME_FAULTS,
  ...DECISION_FAULTS,
  ...RUN_FAULTS,
  ...BUDGET_FAULTS,
  ...EDGE_FAULTS,
  ...SHOP_SQL_FAULTS,
  ...JOBS_SQL_FAULTS,
];
