import { span } from "../output.ts";
import type { AlertRow } from "../rows.ts";
import { type CheckName, fault, type Finding, listed, notChecked, ok } from "./finding.ts";
import type { Condition, Inspection } from "./inspection.ts";

/** Which check tells what a check of the watch finds; everything else is told by `alerts`. */
const KINDS: Record<string, CheckName> = {
  schedule_missing: "schedules",
  tick_failed: "schedules",
  no_success: "runs",
  failing: "runs",
  run_failed: "runs",
  dispatch_refused: "runs",
  overdue: "runs",
  backlog_growing: "runs",
  brake: "runs",
  invariant: "invariants",
  quarantined: "alerts",
  throttled: "alerts",
  webhook_failing: "alerts",
};
const RUNBOOK = "docs/payments-ops.md says what to do";

export function checkSchedules(found: Inspection): Finding {
  const { conditions, state } = found;
  if (conditions.error !== null) return notChecked("schedules", conditions.error);
  const paused = state.value?.paused ?? [];
  if (paused.length > 0) {
    const names = paused.map((job) => `'${job}'`).join(", ");
    return fault(
      "schedules",
      `paused: ${paused.join(", ")}`,
      `update jobs.schedules set active = true where job in (${names});`,
    );
  }
  const problems = conditionsOf(conditions.value, "schedules");
  if (problems.length > 0) {
    return fault("schedules", listed(problems.map(inWords)), "select * from jobs.install_schedules();");
  }
  return ok("schedules", "pg_cron does what jobs.schedules says");
}

export function checkWatch({ health, state, now }: Inspection): Finding {
  if (health.error !== null) return notChecked("watch", health.error);
  const watchedAt = state.value?.watchedAt;
  const ago = watchedAt ? `${span(Date.parse(now) - Date.parse(watchedAt))} ago` : "never";
  if (!health.value.includes("watch_silent")) return ok("watch", `last looked ${ago}`);
  return fault(
    "watch",
    `last looked ${ago}: alerts cannot be trusted`,
    "select jobs.watch(); and see cron.job_run_details",
  );
}

export function checkRuns({ conditions }: Inspection, last: string): Finding {
  if (conditions.error !== null) return notChecked("runs", conditions.error);
  const problems = conditionsOf(conditions.value, "runs");
  return problems.length === 0 ? ok("runs", last) : fault("runs", listed(problems.map(inWords)), RUNBOOK);
}

export function checkInvariants({ conditions }: Inspection): Finding {
  if (conditions.error !== null) return notChecked("invariants", conditions.error);
  const problems = conditionsOf(conditions.value, "invariants");
  if (problems.length > 0) return fault("invariants", listed(problems.map(inWords)), RUNBOOK);
  return ok("invariants", "stock, orders and counters agree with each other");
}

/** Open alerts that no other check tells: events, and what the watch found about the shop. */
export function checkAlerts({ conditions }: Inspection, open: AlertRow[]): Finding {
  const problems = [
    ...conditionsOf(conditions.value ?? [], "alerts").map(inWords),
    ...open.filter(({ key }) => !(kindOf(key) in KINDS)).map(({ id, code, message }) =>
      `#${id} ${code ?? ""} ${message}`
    ),
  ];
  return problems.length === 0 ? ok("alerts", "none is open") : fault("alerts", listed(problems), RUNBOOK);
}

function conditionsOf(conditions: Condition[], check: CheckName): Condition[] {
  return conditions.filter(({ kind }) => (KINDS[kind] ?? "alerts") === check);
}

function inWords({ code, message }: Condition): string {
  return `${code} ${message}`;
}

function kindOf(key: string): string {
  return key.split(":")[0]!;
}
