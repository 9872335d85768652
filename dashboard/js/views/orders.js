// Orders that are open and past their deadline, by what they wait for; and a search for any order.

import { h, table } from "../dom.js";
import { capped, counted, distance, moment, money, sums } from "../format.js";
import { findRefs, MOST_ORDERS, readDue, readQuarantined, readWaiting } from "../reads.js";
import { meaningOf } from "../reasons.js";
import { groupBy } from "../series.js";
import { orderLink } from "./words.js";

export const title = () => "Orders";

/** Orders that a group lists one by one. */
const SHOWN = 50;

export async function load({ client }) {
  const now = new Date();
  const [quarantined, waiting, due] = await Promise.all([
    readQuarantined(client),
    readWaiting(client, now),
    readDue(client, now),
  ]);
  return { quarantined, waiting, due };
}

export function render({ quarantined, waiting, due }, { client, now }) {
  const since = {
    name: "Waits since",
    of: ({ due_since: at }) => at && [moment(at, now), h("small", {}, distance(at, now))],
  };
  const next = { name: "Next look", of: ({ next_check_at: at }) => at && moment(at, now) };
  return [
    searchForm(client),
    group(
      "Quarantined",
      "Kept as they are, with their stock, until an operator decides.",
      quarantined,
      [since],
      "No order is quarantined.",
    ),
    group(
      "Waiting",
      "Inspected and left open, because a payment may still succeed.",
      waiting,
      [since, next],
      "No order waits for a payment.",
    ),
    group("Due now", "The next run inspects them.", due, [since], "Nothing is due."),
  ];
}

function searchForm(client) {
  const input = h("input", {
    name: "ref",
    type: "search",
    required: true,
    autocapitalize: "off",
    autocomplete: "off",
    spellcheck: "false",
  });
  const found = h("div", { class: "found", role: "status" });
  const form = h(
    "form",
    { class: "inline search", role: "search" },
    h("label", {}, "Order's ref, its beginning, or a payment's id (pi_…, cs_…)", input),
    h("button", { class: "primary" }, "Search"),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    try {
      const refs = await findRefs(client, UUID_START.test(text) ? text.toLowerCase() : text);
      if (refs.length === 1 || refs.includes(text)) {
        return void (location.hash = `#/order/${encodeURIComponent(refs.includes(text) ? text : refs[0])}`);
      }
      found.replaceChildren(
        ...(refs.length === 0
          ? [`The ledger has no order “${text}”. Closed orders are kept for 90 days.`]
          : [h("ul", {}, refs.map((ref) => h("li", {}, orderLink(ref))))]),
      );
    } catch ({ message }) {
      found.replaceChildren(h("p", { class: "error" }, message));
    }
  });
  return h("section", { class: "card" }, form, found);
}

/** The ledger has a uuid as PostgreSQL writes it. */
const UUID_START = /^[0-9a-f]{8}-[0-9a-f-]*$/i;

function group(name, about, orders, more, empty) {
  const columns = [
    { name: "Order", main: true, of: ({ ref }) => orderLink(ref) },
    { name: "Amount", number: true, of: ({ amount, currency }) => money(amount, currency) },
    { name: "Method", of: ({ method }) => method },
    ...more,
  ];
  const byReason = groupBy(orders, ({ reason }) => reason ?? "not inspected yet");
  return h(
    "section",
    { class: "card group" },
    h("h2", {}, name, " ", h("span", { class: "count" }, capped(orders, MOST_ORDERS))),
    h("p", {}, orders.length === 0 ? empty : about),
    byReason.map(([reason, rows], n) =>
      h(
        "details",
        { open: n === 0 && byReason.length === 1 && rows.length <= 20 },
        h(
          "summary",
          {},
          h("strong", {}, reason),
          h("span", {}, counted(rows.length, "order"), ", ", sums(rows) || "any amount"),
          h("small", {}, meaningOf(reason)),
        ),
        table(columns, rows.slice(0, SHOWN), { caption: `${name}: ${reason}`, empty: "" }),
        rows.length > SHOWN && h("p", { class: "hint" }, `The first ${SHOWN} of ${capped(rows, MOST_ORDERS)}.`),
      )
    ),
  );
}
