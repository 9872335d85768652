import type { Fault } from "./fault.ts";

/** Tests that should see a fault: TypeScript tests under Deno, or pgTAP on a migrated database. */
export type Suite = { kind: "deno" | "pgtap"; paths: string[] };

const STRIPE = "tests/unit/stripe";
const unit = (...names: string[]): Suite => ({ kind: "deno", paths: names });
const pgtap = (...paths: string[]): Suite => ({ kind: "pgtap", paths });

const EDGE = unit("tests/unit/http", "tests/security/gate_test.ts");
/** By the file's purpose, as its name says it. All of them together are the second opinion. */
const PGTAP: Record<string, string[]> = {
  shop_inventory: ["orders", "inventory"],
  shop_orders: ["orders"],
  shop_place_order: ["place_order"],
  shop_attach_payment: ["attach_payment"],
  shop_mark_order_paid: ["mark_order_paid"],
  same_money: ["mark_order_paid", "jobs_settle_orders"],
  mark_order_paid_once: ["mark_order_paid"],
  shop_port_declare_dead: ["jobs_declare_dead"],
  jobs_declare_dead: ["jobs_declare_dead"],
  shop_port_due: ["jobs_redrive_order", "jobs_sync_order"],
  shop_port_claim: ["jobs_claim_orders"],
  shop_port_close: ["jobs_expire_without_payments", "jobs_settle_orders"],
  shop_port_settle: ["jobs_settle_orders"],
  inspect_unsettled_payments: ["jobs_inspect_payments"],
  clock_set_back: ["jobs_begin_run", "jobs_report_throttle", "fencing"],
  wide_unit_counts: ["jobs_settle_orders"],
  claim_without_payments: ["jobs_claim_without_payments", "fencing"],
  caution_after_deaths: ["jobs_begin_run", "jobs_claim_orders", "fencing"],
  jobs_runs: ["fencing"],
  jobs_begin_run: ["jobs_begin_run", "fencing"],
  jobs_work_on_orders: [
    "fencing",
    "jobs_claim_orders",
    "jobs_expire_without_payments",
    "jobs_settle_orders",
    "jobs_redrive_order",
  ],
  jobs_finish_run: ["jobs_finish_run"],
  jobs_call_budget: ["jobs_reserve_calls", "jobs_report_throttle"],
  shop_port_cleanup: ["jobs_stale_payments", "jobs_inspect_payments", "jobs_settle_payments"],
  shop_port_payers: ["jobs_inspect_payments"],
  cleanup_candidates: ["jobs_stale_payments", "jobs_plan_ends", "jobs_settle_payments", "fencing"],
  cleanup_sweep: ["jobs_next_slice", "jobs_settle_payments", "fencing"],
  cleanup_settle: ["jobs_settle_payments", "jobs_plan_ends", "fencing"],
  reserved_calls_tell_the_time: ["jobs_reserve_calls", "jobs_report_throttle"],
  jobs_record_decisions: ["jobs_settle_orders", "jobs_finish_run"],
};

/** What no single connection can see. */
const WHOLE = unit(
  "tests/integration/turns_test.ts",
  "tests/integration/races_test.ts",
  "tests/integration/one_run_at_a_time_test.ts",
);

/** The same for what only the clean-up calls. */
const WHOLE_CLEANUP = unit(
  "tests/integration/cleanup/what_it_decides_test.ts",
  "tests/integration/cleanup/progress_test.ts",
  "tests/integration/cleanup/killed_test.ts",
);

/** From the cheapest to the dearest; the next one is asked only if the one before saw nothing. */
export function suitesOf({ file, tests }: Fault): Suite[] {
  if (tests) return [{ kind: "deno", paths: tests }];
  if (file.endsWith("/verdict.ts")) {
    return [unit(`${STRIPE}/verdict_test.ts`, `${STRIPE}/verdict_properties_test.ts`), unit(STRIPE)];
  }
  if (file.endsWith("/verdict-session.ts")) return [unit(`${STRIPE}/verdict_session_test.ts`), unit(STRIPE)];
  if (file.endsWith("/outcome.ts")) return [unit(`${STRIPE}/outcome_test.ts`), unit(STRIPE)];
  if (file.endsWith("/decide-order.ts")) return [unit(`${STRIPE}/decide_order_test.ts`), unit(STRIPE)];
  if (file.includes("/stripe/")) {
    return [unit(`${STRIPE}/examine_order`, `${STRIPE}/examine_orders_test.ts`), unit(STRIPE)];
  }
  if (file.includes("/budget/")) return [unit("tests/unit/budget"), unit("tests/integration/idle_and_budget_test.ts")];
  if (file.includes("/http/")) return [EDGE, unit("tests/security/bodies_test.ts", "tests/security/requests_test.ts")];
  const purpose = file.replace(/^.*\/\d+_|\.sql$/g, "");
  const whole = purpose.includes("cleanup") ? WHOLE_CLEANUP : WHOLE;
  return [pgtap(...PGTAP[purpose]!), pgtap(...new Set(Object.values(PGTAP).flat())), whole];
}
