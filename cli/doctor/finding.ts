/** The checks, in the order in which they are told. A name is never reused for something else. */
export const CHECKS = [
  "migrations",
  "settings",
  "extensions",
  "vault",
  "schedules",
  "watch",
  "privileges",
  "expire-stale-orders",
  "cleanup-stale-payment-intents",
  "jobs-health",
  "stripe-key",
  "stripe-permissions",
  "clocks",
  "runs",
  "invariants",
  "alerts",
] as const;
export type CheckName = typeof CHECKS[number];

/** What one check found. `what` is one sentence; `mend` says how to put it right. */
export type Finding = { check: CheckName; status: "ok" | "fault" | "not_checked"; what: string; mend: string | null };

export function ok(check: CheckName, what: string): Finding {
  return { check, status: "ok", what, mend: null };
}

export function fault(check: CheckName, what: string, mend: string): Finding {
  return { check, status: "fault", what, mend };
}

export function notChecked(check: CheckName, why: string): Finding {
  return { check, status: "not_checked", what: why, mend: null };
}

/** Several sentences as one, the first few of them. */
export function listed(sentences: string[], most = 5): string {
  const more = sentences.length > most ? [`and ${sentences.length - most} more`] : [];
  return [...sentences.slice(0, most), ...more].join("; ");
}
