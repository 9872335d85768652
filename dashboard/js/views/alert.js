import { adviceOn } from "../advice.js";
import { badge, copyable, facts, h } from "../dom.js";
import { counted, distance, moment, money } from "../format.js";
import { stripeIdsIn } from "../stripe-links.js";
import { orderLink, paymentLink, runLink } from "./words.js";

/** Details that the card shows elsewhere. */
const SHOWN = ["ref", "amount", "currency", "payments", "runId"];

/** One open alert: which object, how much, what happened, what to do, and the command for it. */
export function alertCard(alert, { now, livemode, orders }) {
  const { id, code, key, severity, message, occurrences, details } = alert;
  const { since } = alert;
  const isCritical = severity === "critical";
  const { todo, commands } = adviceOn(alert);
  return h(
    "article",
    { class: `card alert ${isCritical ? "bad" : "warn"}`, "aria-labelledby": `alert-${id}` },
    h(
      "header",
      {},
      badge(isCritical ? "Critical" : "Warning", isCritical ? "bad" : "warn"),
      h("h3", { id: `alert-${id}` }, message),
      h("span", { class: "code" }, [code, `#${id}`].filter(Boolean).join(" · ")),
    ),
    facts([
      ...objectOf(alert, { livemode, orders }),
      ["Since", `${moment(since, now)} (${distance(since, now)}), seen ${counted(occurrences, "time")}`],
      ["What to do", todo],
    ]),
    commands.map((command) => copyable(command)),
    h(
      "details",
      {},
      h("summary", {}, "Details"),
      h("pre", {}, `${key}\n${JSON.stringify(othersOf(details), null, 2)}`),
    ),
  );
}

/** The order, its amount and its payments, as the alert's columns or its details name them. */
function objectOf({ details, ...alert }, { livemode, orders }) {
  const ref = details?.ref ?? null;
  const order = orders.find((it) => it.ref === ref);
  const amount = details?.amount ?? order?.amount ?? null;
  const currency = details?.currency ?? order?.currency ?? null;
  const account = details?.account ?? order?.account ?? "";
  const ids = stripeIdsIn(details).slice(0, 5);
  return [
    ["Job", alert.job && !ref ? alert.job : null],
    ["Order", ref && orderLink(String(ref))],
    ["Object", ref || alert.object?.startsWith("run ") ? null : alert.object],
    ["Amount", amount === null ? null : money(amount, currency)],
    [
      "Payments",
      ids.length > 0 ? ids.map((stripeId, n) => [n > 0 && ", ", paymentLink(stripeId, { account, livemode })]) : null,
    ],
    ["Run", details?.runId && runLink({ id: details.runId }, String(details.runId).slice(0, 8))],
    ["Cause", alert.cause],
  ];
}

function othersOf(details) {
  return Object.fromEntries(Object.entries(details ?? {}).filter(([name]) => !SHOWN.includes(name)));
}
