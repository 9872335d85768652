import { jobs } from "../rows.ts";

/** The checks in the order of the report. The name of a removed check is never reused. */
export const CHECKS = [
  "install",
  "versions",
  "migrations",
  "settings",
  "extensions",
  "adapter",
  "drift",
  "vault",
  "schedules",
  "watch",
  "privileges",
  ...jobs,
  "lapse-webhook",
  "stripe-webhook",
  "lapse-health",
  "stripe-key",
  "stripe-permissions",
  "clocks",
  "runs",
  "invariants",
  "alerts",
] as const;
export type CheckName = typeof CHECKS[number];

/** The result of one check. `what` is one sentence; `fix` says how to solve the problem. */
export type Finding = { check: CheckName; status: "ok" | "fault" | "not_checked"; what: string; fix: string | null };

export function ok(check: CheckName, what: string): Finding {
  return { check, status: "ok", what, fix: null };
}

export function fault(check: CheckName, what: string, fix: string): Finding {
  return { check, status: "fault", what, fix };
}

export function notChecked(check: CheckName, why: string): Finding {
  return { check, status: "not_checked", what: why, fix: null };
}

/** The first few sentences, joined into one. */
export function listed(sentences: string[], most = 5): string {
  const more = sentences.length > most ? [`and ${sentences.length - most} more`] : [];
  return [...sentences.slice(0, most), ...more].join("; ");
}
