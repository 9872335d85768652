// Refunds, with those that wait for an operator first.

import { lapse } from "../commands.js";
import { copyable, h, table } from "../dom.js";
import { capped, distance, moment, money, sums } from "../format.js";
import { MOST_REFUNDS, readLivemode, readRefunds } from "../reads.js";
import { orderLink, paymentLink, wordBadge } from "./words.js";

export const title = () => "Refunds";

const BECAUSE = { order_expired: "money for a closed order", paid_twice: "more than the order's amount" };
const REASON = '--reason "…"';

export async function load({ client }) {
  const [refunds, livemode] = await Promise.all([readRefunds(client), readLivemode(client)]);
  return { refunds, livemode };
}

export function render({ refunds, livemode }, { now }) {
  const of = (...states) => refunds.filter((it) => states.includes(stateOf(it)));
  const [held, failed] = [of("held"), of("failed")];
  const about = { livemode, now };
  return [
    group("Held", "More than the settings allow in a day. If they are right, release all of them:", held, about, [
      lapse("refunds --release", "held", REASON),
    ]),
    group(
      "Failed",
      "Stripe or a bank refused for good, and the shop still has the money. Correct what the cause names and try again, " +
        "or refund it another way:",
      failed,
      about,
      [...new Set(failed.map(({ ref }) => ref))].slice(0, 5).map((ref) => lapse("refunds --release", ref, REASON)),
    ),
    group("Under way", "The next run carries them out, or a bank is working on them.", of("queued", "pending"), about),
    group("Refunded", "The newest of those that succeeded.", of("succeeded"), about),
  ];
}

/** A held one is queued, but no run takes it. */
export function stateOf({ status, held_since: since }) {
  return since === null ? status : "held";
}

/** A table of refunds; on an order's page without the order. */
export function refundsTable(refunds, { livemode, now, caption, withOrder = true }) {
  const columns = [
    { name: "Payment", main: true, of: (it) => paymentLink(it.stripe_id, { account: it.account, livemode }) },
    ...(withOrder ? [{ name: "Order", of: ({ ref }) => orderLink(ref) }] : []),
    { name: "State", of: (it) => wordBadge(stateOf(it)) },
    { name: "Amount", number: true, of: ({ amount, currency }) => amount === null ? "" : money(amount, currency) },
    { name: "Because", of: ({ reason }) => BECAUSE[reason] ?? reason },
    { name: "Since", of: ({ created_at: at }) => [moment(at, now), h("small", {}, distance(at, now))] },
    {
      name: "Outcome",
      of: ({ refund_id: id, error, ended_at: at }) => [
        id && h("code", {}, id),
        error && h("small", { class: "error" }, error),
        at && h("small", {}, moment(at, now)),
      ],
    },
  ];
  return table(columns, refunds, { caption, empty: "" });
}

function group(name, about, refunds, { livemode, now }, commands = []) {
  return h(
    "section",
    { class: "card group" },
    h("h2", {}, name, " ", h("span", { class: "count" }, capped(refunds, MOST_REFUNDS))),
    h("p", {}, refunds.length === 0 ? "None." : [sums(refunds) && `${sums(refunds)}. `, about]),
    refunds.length > 0 && [
      commands.map((command) => copyable(command)),
      refundsTable(refunds, { livemode, now, caption: `Refunds: ${name}` }),
    ],
  );
}
