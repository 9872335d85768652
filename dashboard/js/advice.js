// What an operator does about an alert. The alert says most of it itself (lapse.alert_kinds).

import { lapse } from "./commands.js";

/** Alerts of something that happened, which a person closes. A test keeps this list equal to the database's. */
export const EVENTS = ["paid_twice", "late_payment", "payments_unclear", "refund_failed", "revive_failed"];

/** { todo, commands }: for an event also the command that closes the alert. */
export function adviceOn({ id, key, advice, command }) {
  const isEvent = EVENTS.includes(key.split(":")[0]);
  const closing = lapse("alerts", null, `--resolve ${id} --reason "…"`);
  return { todo: advice, commands: isEvent ? [command, closing] : [command] };
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
