// Words and marks that several views share.

import { badge, h, outward } from "../dom.js";
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
  pending: "wait",
  expiring: "wait",
  retry: "warn",
  quarantined: "warn",
  failed: "bad",
  lost: "bad",
  braked: "bad",
  late_payment: "bad",
};

/** A status or an outcome, with the colour of its gravity. */
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
  return outward(stripeUrl({ stripeId, account: account ?? "", livemode }), stripeId);
}

/** The counters that are not zero, in words. */
export function didWhat(run) {
  const counters = [
    ["orders_expired", "expired"],
    ["stock_released", "units released"],
    ["orders_paid", "found paid"],
    ["orders_waiting", "waiting"],
    ["orders_retried", "to retry"],
    ["orders_quarantined", "quarantined"],
    ["payment_intents_canceled", "intents cancelled"],
    ["checkout_sessions_expired", "sessions expired"],
    ["late_payments", "late payments"],
  ];
  return counters.filter(([name]) => run[name] > 0).map(([name, text]) => `${run[name].toLocaleString("en")} ${text}`)
    .join(" · ");
}
