// The runs of both jobs, newest first; operators start a dry run here.

import { h, table } from "../dom.js";
import { distance, moment, seconds } from "../format.js";
import { JOBS, MOST_RUNS, readRuns } from "../reads.js";
import { dryRunPanel } from "./dry-run.js";
import { didWhat, runLink, statusBadge } from "./words.js";

export const title = () => "Runs";

let chosen = null;

export async function load({ client }) {
  return { runs: await readRuns(client, { jobs: chosen === null ? JOBS : [chosen] }) };
}

export function render({ runs }, context) {
  const list = h("div", { class: "card" }, listOf(runs, context.now));
  const more = h("button", { type: "button" }, "Show older runs");
  const error = h("p", { class: "error", role: "alert" });
  more.addEventListener("click", async () => {
    more.disabled = true;
    error.textContent = "";
    try {
      const older = await readRuns(context.client, {
        jobs: chosen === null ? JOBS : [chosen],
        before: runs.at(-1).created_at,
      });
      runs = [...runs, ...older];
      list.replaceChildren(listOf(runs, context.now));
      list.dataset.asked = "";
      if (older.length < MOST_RUNS) more.remove();
    } catch ({ message }) {
      error.textContent = message;
    }
    more.disabled = false;
  });
  return [dryRunPanel(context), filter(), list, runs.length >= MOST_RUNS && more, error].filter(Boolean);
}

function filter() {
  const options = [[null, "Both jobs"], ...JOBS.map((job) => [job, job])];
  return h(
    "div",
    { class: "filter", role: "group", "aria-label": "Runs of" },
    options.map(([job, text]) =>
      h("button", { type: "button", "aria-pressed": String(job === chosen), onclick: () => choose(job) }, text)
    ),
  );
}

function choose(job) {
  chosen = job;
  dispatchEvent(new HashChangeEvent("hashchange"));
}

function listOf(runs, now) {
  const columns = [
    {
      name: "When",
      main: true,
      of: (run) => [runLink(run, moment(run.created_at, now)), h("small", {}, distance(run.created_at, now))],
    },
    { name: "Status", of: statusBadge },
    ...(chosen === null ? [{ name: "Job", whole: true, of: ({ job }) => job }] : []),
    { name: "Started by", of: ({ trigger }) => trigger },
    { name: "Took", number: true, of: (run) => seconds(run.duration_ms) },
    {
      name: "Did",
      of: (
        run,
      ) => [
        didWhat(run) || (run.error ? "" : "nothing was due"),
        run.error && h("small", { class: "error" }, run.error),
      ],
    },
  ];
  return table(columns, runs, {
    caption: "Runs, newest first",
    isDense: true,
    empty: "No run yet. Runs start once the jobs are enabled.",
  });
}
