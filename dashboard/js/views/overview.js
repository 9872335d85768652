// The operator's first view: health, open alerts, the jobs, and the last days.

import { badge, card, facts, h } from "../dom.js";
import { capped, counted, distance, moment, number, seconds, sums } from "../format.js";
import { HEALTH } from "../advice.js";
import { nextRun, scheduleInWords } from "../next-run.js";
import * as reads from "../reads.js";
import { lastDays } from "../series.js";
import { alertCard } from "./alert.js";
import { daysChosen, trends } from "./trends.js";
import { runLink, statusBadge } from "./words.js";

export const title = () => "Overview";

/** Runs whose backlog and seconds the charts show. */
const CHARTED_RUNS = 120;

export async function load({ client, config }) {
  const now = new Date();
  const dates = lastDays(daysChosen(), now);
  const [health, alerts, lastClosed, metrics, schedules, jobs, due, waiting, quarantined, days, expiring, cleaning] =
    await Promise.all([
      reads.readHealth(config),
      reads.readOpenAlerts(client),
      reads.readLastClosedAlert(client),
      reads.readMetrics(client),
      reads.readSchedules(client),
      reads.readJobs(client),
      reads.readDue(client, now),
      reads.readWaiting(client, now),
      reads.readQuarantined(client),
      reads.readDays(client, dates[0]),
      reads.readRuns(client, { jobs: [reads.JOBS[0]], limit: CHARTED_RUNS }),
      reads.readRuns(client, { jobs: [reads.JOBS[1]], limit: 1 }),
    ]);
  const refs = [...new Set(alerts.map(({ details }) => details?.ref).filter((ref) => typeof ref === "string"))];
  const named = await reads.readOrders(client, refs);
  const lastRuns = { [reads.JOBS[0]]: expiring.find(({ dry_run }) => !dry_run), [reads.JOBS[1]]: cleaning[0] };
  return {
    health,
    alerts,
    lastClosed,
    metrics,
    schedules,
    jobs,
    due,
    waiting,
    quarantined,
    days,
    dates,
    expiring,
    lastRuns,
    named,
  };
}

export function render(data, context) {
  const { now } = context;
  const { alerts, due, waiting, quarantined, days, dates } = data;
  const late = days.filter(({ day }) => day >= dates[0]).reduce((sum, it) => sum + it.late_payments, 0);
  const livemode = data.expiring.find((it) => it.livemode !== null)?.livemode ?? null;
  const limit = reads.MOST_ORDERS;
  return [
    healthBand(data, now),
    h(
      "ul",
      { class: "tiles" },
      tile(
        "Due now",
        capped(due, limit),
        due.length > 0 ? `oldest ${distance(due[0].due_since ?? due[0].next_check_at, now)}` : "nothing to do",
        "#/orders",
      ),
      tile("Waiting for a payment", capped(waiting, limit), sums(waiting) || "none", "#/orders"),
      tile(
        "Quarantined",
        capped(quarantined, limit),
        sums(quarantined) || "none",
        "#/orders",
        quarantined.length > 0 && "warn",
      ),
      tile(
        `Late payments, ${dates.length} d`,
        number(late),
        late > 0 ? "money for closed orders" : "none",
        "#/refunds",
        late > 0 && "bad",
      ),
    ),
    alerts.length > 0 &&
    h(
      "section",
      { "aria-labelledby": "alerts" },
      h("h2", { id: "alerts" }, counted(alerts.length, "open alert")),
      h("div", { class: "alerts" }, alerts.map((alert) => alertCard(alert, { now, livemode, orders: data.named }))),
    ),
    h("section", { class: "jobs", "aria-label": "Jobs" }, reads.JOBS.map((job) => jobCard(job, data, now))),
    ...trends(data, context),
  ].filter(Boolean);
}

function healthBand({ health, alerts, lastClosed }, now) {
  const critical = alerts.filter(({ severity }) => severity === "critical").length;
  // The most severe ones determine since when.
  const grave = critical > 0 ? alerts.filter(({ severity }) => severity === "critical") : alerts;
  const opened = grave.map(({ since, first_seen_at }) => since ?? first_seen_at).sort()[0];
  const isWell = health.status !== "unhealthy" && alerts.length === 0;
  const tone = health.status === "unhealthy" || critical > 0
    ? "bad"
    : alerts.length > 0 || health.status === "unknown"
    ? "warn"
    : "good";
  const headline = isWell
    ? health.status === "unknown" ? "No alert is open" : "All is well"
    : health.status === "unhealthy"
    ? "Lapse has problems"
    : `${critical > 0 ? "Action is needed" : "Running, with warnings"}`;
  const since = opened ?? lastClosed[0]?.resolved_at ?? null;
  const reasons = health.reasons.map((it) => HEALTH[it] ?? it);
  return h(
    "section",
    { class: `health ${tone}`, "aria-label": "Health" },
    h("span", { class: "lamp", "aria-hidden": "true" }),
    h(
      "div",
      {},
      h("p", { class: "headline" }, headline),
      h(
        "p",
        {},
        since === null ? "There has never been an alert" : `since ${moment(since, now)} (${distance(since, now)})`,
        reasons.length > 0 && `: ${reasons.join("; ")}`,
        health.status === "unknown" && "; the function lapse-health does not answer",
      ),
    ),
  );
}

function tile(name, value, note, href, tone = false) {
  const inside = [
    h("span", { class: "name" }, name),
    h("span", { class: "value" }, value),
    h("span", { class: "note" }, note),
  ];
  return h("li", { class: tone || null }, href ? h("a", { href }, inside) : h("div", {}, inside));
}

function jobCard(job, { metrics, schedules, jobs, lastRuns, alerts }, now) {
  const totals = metrics.find((it) => it.job === job);
  const schedule = schedules.find((it) => it.job === job);
  const last = lastRuns[job];
  const isBraked = jobs.find((it) => it.job === job)?.brake_on || alerts.some(({ key }) => key === `brake:${job}`);
  const success = totals?.last_success_time;
  const next = schedule && nextRun(schedule, now);
  return card(
    job,
    h(
      "p",
      { class: "badges" },
      !schedule?.active ? badge("Paused", "warn") : badge("Scheduled", "good"),
      isBraked && badge("Brake is on", "bad"),
    ),
    facts([
      ["Last success", success ? [moment(success, now), h("small", {}, distance(success, now))] : "never"],
      [
        "Last run",
        last
          ? [
            runLink(last, moment(last.created_at, now)),
            " ",
            statusBadge(last),
            h("small", {}, seconds(last.duration_ms)),
          ]
          : "none yet",
      ],
      [
        "Next run",
        !schedule?.active
          ? "none: the job is paused"
          : [next ? moment(next, now) : "as pg_cron decides", h("small", {}, next ? distance(next, now) : "")],
      ],
      ["Schedule", schedule ? scheduleInWords(schedule) : "none"],
      ["Left due", totals?.backlog === null || !totals ? null : counted(totals.backlog, "order")],
    ]),
  );
}
