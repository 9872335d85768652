import { jobs } from "../rows.ts";

/** The checks, in the order in which they are told. A name is never reused for something else. */
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
  "lapse-health",
  "stripe-key",
  "stripe-permissions",
  "clocks",
  "runs",
  "invariants",
  "alerts",
] as const;
export type CheckName = typeof CHECKS[number];

/** What one check found. `what` is one sentence; `fix` says how to put it right. */
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

/** The first few of several sentences as one. */
export function listed(sentences: string[], most = 5): string {
  const more = sentences.length > most ? [`and ${sentences.length - most} more`] : [];
  return [...sentences.slice(0, most), ...more].join("; ");
}
