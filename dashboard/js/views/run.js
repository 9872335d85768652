// One run: how it went, and what it decided.

import { facts, h, table } from "../dom.js";
import { counted, moment, number, seconds } from "../format.js";
import { MOST_DECISIONS, readDecisionsOfRun, readRun } from "../reads.js";
import { meaningOf } from "../reasons.js";
import { didWhat, orderLink, paymentLink, statusBadge, wordBadge } from "./words.js";

export const title = (id) => `Run ${String(id).slice(0, 8)}`;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const OUTCOMES = [
  "expired",
  "paid",
  "waiting",
  "retry",
  "quarantined",
  "canceled",
  "found_dead",
  "found_paid",
  "kept",
  "late_payment",
];

export async function load({ client }, id) {
  if (!UUID.test(id ?? "")) return { run: null, decisions: [] };
  const [runs, decisions] = await Promise.all([readRun(client, id), readDecisionsOfRun(client, id)]);
  return { run: runs[0] ?? null, decisions };
}

export function render({ run, decisions }, { client, now }) {
  const back = h("p", {}, h("a", { href: "#/runs" }, "← All runs"));
  if (run === null) {
    return [back, h("p", { class: "empty" }, "There is no such run; closed runs are kept for 90 days.")];
  }
  const list = h("div", {}, listOf(decisions, run, now));
  const outcome = h(
    "select",
    { "aria-label": "Outcome" },
    h("option", { value: "" }, "all outcomes"),
    OUTCOMES.map((it) => h("option", { value: it }, it.replaceAll("_", " "))),
  );
  outcome.addEventListener("change", async () => {
    list.dataset.asked = "";
    try {
      const chosen = await readDecisionsOfRun(client, run.id, outcome.value || null);
      list.replaceChildren(listOf(chosen, run, now));
    } catch ({ message }) {
      list.replaceChildren(h("p", { class: "error", role: "alert" }, message));
    }
  });
  return [
    back,
    h(
      "section",
      { class: "card" },
      h("p", { class: "badges" }, statusBadge(run)),
      run.error && h("p", { class: "error" }, run.error),
      facts([
        ["Job", run.job],
        ["Started by", [run.trigger, run.requested_by && h("small", {}, run.requested_by)]],
        ["Reason", run.reason],
        ["Only order", run.ref && orderLink(run.ref)],
        ["Requested", moment(run.created_at, now)],
        ["Took", seconds(run.duration_ms)],
        ["Did", didWhat(run) || "nothing"],
        [
          "Calls to Stripe",
          `${number(run.stripe_calls)}${run.stripe_throttled > 0 ? `, ${number(run.stripe_throttled)} throttled` : ""}`,
        ],
        ["Left due", run.backlog === null ? null : counted(run.backlog, "order")],
        ["Run", h("code", {}, run.id)],
      ]),
    ),
    h(
      "section",
      { class: "card" },
      h("div", { class: "heading" }, h("h2", {}, "Decisions"), outcome),
      list,
      decisions.length >= MOST_DECISIONS &&
        h("p", { class: "hint" }, `${MOST_DECISIONS} of its decisions; choose an outcome to see others.`),
    ),
  ];
}

function listOf(decisions, run, now) {
  const columns = [
    { name: "Order", main: true, of: ({ ref }) => ref && orderLink(ref) },
    { name: "About", of: ({ stripe_id: id }) => id ? paymentLink(id, { livemode: run.livemode }) : "the order" },
    { name: "Outcome", of: ({ outcome }) => wordBadge(outcome) },
    { name: "Units", number: true, of: ({ units_released: units }) => units > 0 ? number(units) : "" },
    { name: "Because", of: ({ reason }) => [reason, h("small", {}, meaningOf(reason))] },
    { name: "Next look", of: ({ next_check_at: at }) => at && moment(at, now) },
  ];
  const empty = run.dry_run ? "A dry run records no decisions." : "It decided nothing of this kind.";
  return table(columns, decisions, { caption: "Decisions of this run", empty });
}
