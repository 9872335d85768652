// What an operator does about each kind of alert: the runbook (docs/payments-ops.md) in two sentences and one command.

import { lapse, wordOf } from "./commands.js";

const REASON = '--reason "…"';
const doctor = () => lapse("doctor");
const order = ({ details, key }) => {
  const ref = details?.ref ?? details?.lastRef ?? details?.refs?.[0] ?? details?.oldest?.ref ??
    key.split(":").slice(1).join(":");
  return ref ? lapse("order", String(ref)) : lapse("orders");
};
/** For the alert of an event, which a person closes. */
const orderThenResolve = (alert) => [order(alert), lapse("alerts", null, `--resolve ${alert.id} ${REASON}`)];

/** By the kind of the alert: [harm, what to do, the command or commands]. */
const ADVICE = {
  no_success: ["Stock of unpaid orders is not released.", "Let the doctor find out why no run completes.", doctor],
  failing: [
    "Soon nothing is released.",
    "The errors name the cause: the Stripe key, or a variable of the functions.",
    doctor,
  ],
  run_failed: [
    "Little, if the next run succeeds; that closes this alert.",
    "Open for 15 minutes? Let the doctor look.",
    doctor,
  ],
  dispatch_refused: [
    "No scheduled run begins.",
    "401: set the same secret in Vault and in the functions. 404: deploy the functions.",
    doctor,
  ],
  tick_failed: ["No run is requested.", "A Vault entry is missing; the details name it.", doctor],
  schedule_missing: [
    "The job does not run, or runs twice.",
    "Put the schedules back into pg_cron.",
    () => "select lapse.install_schedules();",
  ],
  brake: [
    "Nothing is closed until you act.",
    "Find out why so many orders are due, and look at a dry run. If it is right, release the brake.",
    ({ job }) => [
      lapse(`run ${wordOf(job)}`, null, "--dry-run --limit 20"),
      lapse(`run ${wordOf(job)}`, null, `--wait --release-brake ${REASON}`),
    ],
  ],
  overdue: [
    "Stock is held too long.",
    "Deal with the other alerts first. Alone: see what is tried.",
    () => lapse("orders", null, "--due"),
  ],
  backlog_growing: [
    "The delay grows.",
    "Normal in a flash sale. Else raise payments_per_second_live.",
    () => lapse("status"),
  ],
  quarantined: [
    "Their stock is held.",
    "Decide about each order; many with one reason have one cause.",
    () => lapse("orders", null, "--quarantined"),
  ],
  throttled: [
    "Runs take longer; perhaps customers cannot pay.",
    "Find who else uses the account up: Developers → Logs in Stripe's dashboard.",
    () => lapse("status"),
  ],
  invariant: ["Figures are wrong.", "Somebody wrote past Lapse's functions. The details have examples.", doctor],
  paid_twice: [
    "The customer paid too much.",
    "Refund the surplus in Stripe's dashboard, then close the alert with the refund's id.",
    orderThenResolve,
  ],
  late_payment: [
    "The customer paid and gets nothing.",
    "Deliver by hand if there is stock, else refund; then close the alert.",
    orderThenResolve,
  ],
  webhook_failing: [
    "Nobody is notified.",
    "Correct the address of the alert webhook.",
    () => "select lapse.set_alert_webhook('https://…');",
  ],
  watch_failed: ["What this part watches goes unnoticed.", "The details have its error.", doctor],
  payments_unclear: [
    "They may hold money of no open order.",
    "Look at the payment at Stripe, cancel or refund it there, then close the alert.",
    orderThenResolve,
  ],
  adapter: ["No run works.", "A migration of the shop dropped or changed something in lapse_shop.", doctor],
  inbox: [
    "An order may be unknown to Lapse.",
    "Correct the shop's row, then delete the entry.",
    () => "select * from lapse.inbox where error is not null;",
  ],
  list_unread: [
    "Orders of that account are not closed.",
    "The details have Stripe's error: grant the key, or reconnect the account.",
    doctor,
  ],
  processing_long: ["Its stock stays held.", "Ask Stripe's support about the payment.", order],
  drift: [
    "An order is unwatched, or its stock wrong.",
    "Find out who wrote past the triggers.",
    () => "select * from lapse.drift();",
  ],
  privileges: [
    "Strangers may read orders, or runs fail.",
    "Take back what Lapse did not grant.",
    () => "select lapse.secure();",
  ],
};

/** { harm, todo, commands }. What the alert itself advises counts first, where the project's alerts have these columns. */
export function adviceOn(alert) {
  const [harm, todo, command] = ADVICE[alert.key.split(":")[0]] ?? [null, "Read its entry in the runbook.", doctor];
  const isOwn = typeof alert.advice === "string";
  return {
    harm: isOwn ? null : harm,
    todo: isOwn ? alert.advice : todo,
    commands: [alert.command ?? command(alert)].flat(),
  };
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
