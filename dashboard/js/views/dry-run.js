import { announce, h, table } from "../dom.js";
import { counted, moment, money } from "../format.js";
import { dryRun, JOBS } from "../reads.js";
import { lapse, wordOf } from "../commands.js";
import { copyable } from "../dom.js";
import { meaningOf } from "../reasons.js";
import { orderLink, wordBadge } from "./words.js";

/** Decisions that are listed one by one. */
const SHOWN = 50;

/** A form that starts a dry run, for operators; the function refuses everybody else. */
export function dryRunPanel({ client, user }) {
  if (user.role !== "operator") {
    return h("p", { class: "hint" }, "Operators can start a dry run here. You are signed in as a viewer.");
  }
  const job = h("select", { name: "job" }, JOBS.map((name) => h("option", { value: name }, name)));
  const limit = h("input", {
    name: "limit",
    type: "number",
    min: 1,
    max: 1000,
    value: 100,
    required: true,
    inputmode: "numeric",
  });
  const button = h("button", { class: "primary" }, "Start a dry run");
  const result = h("div", { class: "result" });
  const form = h(
    "form",
    { class: "inline" },
    h("label", {}, "Job", job),
    h("label", {}, "Orders at most", limit),
    button,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    result.replaceChildren(
      h("p", { class: "running", role: "status" }, "Asking Stripe about the orders that are due; a minute at most …"),
    );
    try {
      const report = await dryRun(client, { job: job.value, limit: Number(limit.value) });
      result.replaceChildren(...describe(report));
      announce("The dry run has ended");
    } catch ({ message }) {
      result.replaceChildren(h("p", { class: "error", role: "alert" }, message));
    } finally {
      button.disabled = false;
    }
  });
  return h(
    "section",
    { class: "card dry-run" },
    h("h2", {}, "What would a run do now?"),
    h("p", {}, "A dry run asks Stripe about each order that is due and decides, but changes nothing."),
    form,
    result,
  );
}

function overdue({ underAnHour, underADay, older }) {
  const ages = [[underAnHour, "under an hour"], [underADay, "under a day"], [older, "older"]];
  return ages.filter(([orders]) => orders > 0).map(([orders, age]) => `${orders} ${age}`).join(", ");
}

function describe({ job, status, error, summary = [], decisions = [] }) {
  const now = new Date();
  const groups = [
    { name: "Outcome", main: true, of: ({ outcome }) => wordBadge(outcome) },
    { name: "Orders", number: true, of: ({ orders }) => orders.toLocaleString("en") },
    {
      name: "Money",
      number: true,
      of: ({ amounts }) => Object.entries(amounts).map(([currency, sum]) => money(sum, currency)).join(" + "),
    },
    { name: "Units", number: true, of: ({ units }) => units > 0 ? units.toLocaleString("en") : "" },
    {
      name: "Methods",
      of: ({ methods }) => Object.entries(methods).map(([method, orders]) => `${method} ${orders}`).join(", "),
    },
    { name: "Overdue", of: ({ ages }) => overdue(ages) },
    {
      name: "Oldest",
      of: ({ oldestRef, oldestDeadline }) =>
        oldestDeadline && [orderLink(oldestRef), h("small", {}, `deadline ${moment(oldestDeadline, now)}`)],
    },
    {
      name: "Largest",
      of: ({ largest }) => largest && [orderLink(largest.ref), h("small", {}, money(largest.amount, largest.currency))],
    },
    { name: "Because", of: ({ reason }) => [reason, h("small", {}, meaningOf(reason))] },
  ];
  const orders = [
    { name: "Order", main: true, of: ({ ref }) => orderLink(ref) },
    { name: "Outcome", of: ({ outcome }) => wordBadge(outcome) },
    { name: "Because", of: ({ reason }) => reason },
  ];
  const more = decisions.length - SHOWN;
  return [
    h(
      "p",
      {},
      wordBadge(status),
      ` It would decide ${counted(decisions.length, "order")}; it changed nothing.`,
      error && ` ${error}`,
    ),
    table(groups, summary, { caption: "What a run would do, by outcome", empty: "Nothing is due." }),
    decisions.length > 0 &&
    h(
      "details",
      {},
      h("summary", {}, `Show the orders`),
      table(orders, decisions.slice(0, SHOWN), { caption: "What a run would do with each order", empty: "" }),
      more > 0 && h("p", {}, `… and ${more} more.`),
    ),
    summary.length > 0 && [
      h("p", {}, "If that is right, start a run; while the brake is on, add --release-brake:"),
      copyable(lapse(`run ${wordOf(job)}`, null, '--wait --reason "…"')),
    ],
  ].flat().filter(Boolean);
}
