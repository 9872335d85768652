// What an operator does about an alert. Most of it is in the alert itself (lapse.alert_kinds).

import { lapse } from "./commands.js";

/** Alerts of events, which an operator closes. A test keeps this list equal to the database's. */
export const EVENTS = ["paid_twice", "late_payment", "payments_unclear", "refund_failed", "revive_failed"];

/** { todo, commands }: what to look at, what to do then, and for an event the command that closes the alert. */
export function adviceOn({ id, key, advice, command }) {
  const isEvent = EVENTS.includes(key.split(":")[0]);
  // If the advice ends with a command, the command can be copied as well.
  const [, acting = null] = advice.match(/: (lapse (?:(?!\. ).)+)$/) ?? [];
  const closing = lapse("alerts", null, `--resolve ${id} --reason "…"`);
  const commands = [command, acting?.replace(/ TEXT$/, ' "…"'), isEvent && closing].filter(Boolean);
  return { todo: acting === null ? advice : `${advice.slice(0, -acting.length - 2)} (below).`, commands };
}

/** What the reasons of lapse-health mean. */
export const HEALTH = {
  no_completed_run: "a job has no completed run when it should have one",
  orders_overdue: "an order has waited for too long",
  watch_silent: "the watch has not run, so alerts cannot be trusted",
  schedule_missing: "pg_cron does not do what the schedules say",
  adapter_missing: "the shop's adapter is missing or does not fit",
  database_unreachable: "the function cannot reach its database",
  misconfigured: "a variable of the function is missing or malformed",
};
