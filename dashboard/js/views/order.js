// One order: its state, its payments, everything that was ever decided about it, and what an operator may do.

import { copyable, facts, h, table } from "../dom.js";
import { counted, distance, moment, money } from "../format.js";
import { commandsFor } from "../commands.js";
import * as reads from "../reads.js";
import { meaningOf } from "../reasons.js";
import { alertCard } from "./alert.js";
import { refundsTable } from "./refunds.js";
import { paymentLink, runLink, wordBadge } from "./words.js";

export const title = (ref) => `Order ${ref}`;

export async function load({ client }, ref) {
  const [orders, payments, refunds, decisions, alerts, livemode] = await Promise.all([
    reads.readOrder(client, ref),
    reads.readPayments(client, ref),
    reads.readRefundsOf(client, ref),
    reads.readTimeline(client, ref),
    reads.readOpenAlerts(client),
    reads.readLivemode(client),
  ]);
  const about = alerts.filter(({ details }) => details?.ref === ref || details?.refs?.includes(ref));
  return { order: orders[0] ?? null, payments, refunds, decisions, alerts: about, livemode };
}

export function render({ order, payments, refunds, decisions, alerts, livemode }, { now }) {
  const back = h("p", {}, h("a", { href: "#/orders" }, "← Orders"));
  if (order === null && payments.length === 0 && decisions.length === 0) {
    return [back, h("p", { class: "empty" }, "The ledger does not have this order. A closed one is kept for 90 days.")];
  }
  return [
    back,
    order === null
      ? h("p", { class: "empty" }, "The order itself is no longer kept; its payments and decisions are.")
      : state(order, now),
    alerts.length > 0 &&
    h(
      "section",
      { "aria-labelledby": "alerts" },
      h("h2", { id: "alerts" }, counted(alerts.length, "open alert")),
      h(
        "div",
        { class: "alerts" },
        alerts.map((it) => alertCard(it, { now, livemode, orders: order === null ? [] : [order] })),
      ),
    ),
    order !== null && actions(order, payments),
    h("section", { class: "card" }, h("h2", {}, "Payments"), paymentsOf({ payments, order, livemode }, now)),
    refunds.length > 0 &&
    h(
      "section",
      { class: "card" },
      h("h2", {}, "Refunds"),
      refundsTable(refunds, { livemode, now, caption: "Refunds of the order", withOrder: false }),
    ),
    h(
      "section",
      { class: "card" },
      h("h2", {}, "Timeline"),
      timeline(order, decisions, now),
      decisions.length >= reads.MOST_DECISIONS &&
        h("p", { class: "hint" }, `The newest ${reads.MOST_DECISIONS} decisions.`),
    ),
  ].filter(Boolean);
}

function state(order, now) {
  const at = (value) => value && [moment(value, now), h("small", {}, distance(value, now))];
  return h(
    "section",
    { class: "card" },
    h(
      "p",
      { class: "badges" },
      wordBadge(order.status),
      h("strong", { class: "amount" }, money(order.amount, order.currency)),
    ),
    order.reason && h("p", {}, h("code", {}, order.reason), " ", meaningOf(order.reason)),
    facts([
      ["Placed", at(order.placed_at)],
      ["Deadline", at(order.deadline)],
      ["Voucher until", at(order.hold_until)],
      ["Extra grace until", at(order.grace_until)],
      ["Waits since", order.closed_at ? null : at(order.due_since)],
      ["Next look", at(order.next_check_at)],
      ["Closed", at(order.closed_at)],
      ["Method", [order.method, order.channel].filter(Boolean).join(", ")],
      ["Account", order.account],
      [
        "Inspected",
        `${counted(order.looks, "time")}${
          order.failures > 0 ? `, ${counted(order.failures, "failure")} in a row` : ""
        }`,
      ],
    ]),
  );
}

function actions(order, payments) {
  const commands = commandsFor(order, payments);
  if (commands.length === 0) return null;
  return h(
    "section",
    { class: "card actions" },
    h("h2", {}, "What you can do"),
    h("p", {}, "These change data, need the secret key, and record your reason."),
    commands.map(([when, command]) => h("div", {}, h("p", {}, when), copyable(command))),
  );
}

function paymentsOf({ payments, order, livemode }, now) {
  const columns = [
    { name: "Payment", main: true, of: (it) => paymentLink(it.stripe_id, { account: it.account, livemode }) },
    { name: "State", of: (it) => stateOf(it, order) },
    { name: "Stripe says", of: ({ evidence }) => evidence?.status ?? "" },
    { name: "Received", number: true, of: ({ evidence }) => received(evidence, order) },
    { name: "Because", of: ({ reason }) => reason && [reason, h("small", {}, meaningOf(reason))] },
    { name: "Known since", of: ({ attached_at: at, source }) => [moment(at, now), h("small", {}, `from ${source}`)] },
    { name: "Inspected", of: ({ checked_at: at }) => at ? distance(at, now) : "never" },
  ];
  return table(columns, payments, { caption: "Payments of the order", empty: "No payment was ever attached." });
}

function stateOf({ state }, order) {
  const isLate = state === "paid" && order?.status === "expired";
  return h("span", { class: "badges" }, wordBadge(state), isLate && wordBadge("late_payment"));
}

function received(evidence, order) {
  const amount = evidence?.amount_received ?? null;
  return amount === null ? "" : money(amount, evidence.currency ?? order?.currency);
}

function timeline(order, decisions, now) {
  const events = decisions.map((it) => ({
    at: it.decided_at,
    what: [
      it.stripe_id ? [h("code", {}, it.stripe_id), " "] : "",
      wordBadge(it.outcome),
      it.units_released > 0 ? ` ${counted(it.units_released, "unit")} back on the shelf` : "",
      " by ",
      runLink({ id: it.run_id }, "this run"),
      h("small", {}, [it.reason, meaningOf(it.reason)].filter(Boolean).join(": ")),
    ],
  }));
  if (order) {
    events.push({ at: order.placed_at, what: "The order was placed" }, { at: order.deadline, what: "Deadline to pay" });
  }
  events.sort((a, b) => a.at < b.at ? 1 : -1);
  return h(
    "ol",
    { class: "timeline" },
    events.map(({ at, what }) => h("li", {}, h("time", { datetime: at }, moment(at, now)), h("div", {}, what))),
  );
}
