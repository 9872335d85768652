// Words and marks that several views share.

import { badge, h, outward } from "../dom.js";
import { counted } from "../format.js";
import { stripeUrl } from "../stripe-links.js";

const TONES = {
  succeeded: "good",
  expired: "good",
  paid: "good",
  canceled: "good",
  found_paid: "good",
  found_dead: "good",
  dead: "plain",
  waiting: "wait",
  partial: "wait",
  running: "wait",
  queued: "wait",
  kept: "wait",
  held: "warn",
  pending: "wait",
  expiring: "wait",
  retry: "warn",
  quarantined: "warn",
  failed: "bad",
  lost: "bad",
  braked: "bad",
  late_payment: "bad",
};

/** A status or an outcome, with the colour of its severity. */
export function wordBadge(word) {
  return badge(word.replaceAll("_", " "), TONES[word] ?? "plain");
}

export function statusBadge(run) {
  return [wordBadge(run.status), run.dry_run && badge("dry run")];
}

export function runLink({ id }, text) {
  return h("a", { href: `#/run/${id}` }, text);
}

export function orderLink(ref) {
  return h("a", { href: `#/order/${encodeURIComponent(ref)}`, class: "ref" }, ref);
}

/** A payment's id, linked to Stripe's dashboard. */
export function paymentLink(stripeId, { account, livemode }) {
  return outward(stripeUrl({ stripeId, account: account ?? "", livemode }), stripeId, "ref");
}

const COUNTERS = [
  ["orders_expired", "order expired", "orders expired"],
  ["stock_released", "unit released", "units released"],
  ["orders_paid", "found paid", "found paid"],
  ["orders_waiting", "waiting", "waiting"],
  ["orders_retried", "to retry", "to retry"],
  ["orders_quarantined", "quarantined", "quarantined"],
  ["payment_intents_canceled", "intent cancelled", "intents cancelled"],
  ["checkout_sessions_expired", "session expired", "sessions expired"],
  ["late_payments", "late payment", "late payments"],
];

/** The counters that are not zero, in words. */
export function didWhat(run) {
  return COUNTERS.filter(([name]) => run[name] > 0).map(([name, one, many]) => counted(run[name], one, many)).join(
    " · ",
  );
}
