// Charts, drawn by uPlot. Each is a figure whose numbers can also be read as a table.

import { h, table } from "./dom.js";
import { number, short } from "./format.js";
import { scaleEnd, stacked } from "./series.js";

const { uPlot } = globalThis;
const HEIGHT = 170;

/**
 * A chart of one or more series.
 *
 * `kind`: bars (on top of each other) or line. `labels`: the name of each point, as the table and the readout show it; `ticks`: as the
 * axis does. `series`: [{ name, values, tone }], where a null is a point without a value; several need no `about`, as their names stand
 * there. `say(value)` writes a value.
 */
export function chart({ title, about, kind, labels, ticks = labels, series, say = number }) {
  const totals = labels.map((_, n) => series.reduce((sum, { values }) => sum + (values[n] ?? 0), 0));
  const figure = h("figure", { class: "card chart" });
  const isEmpty = totals.every((total) => total === 0);
  const summary = summaryOf(kind, totals, say);
  const readout = h("p", { class: "readout", "aria-hidden": "true" }, summary);
  figure.append(
    h("figcaption", {}, h("h3", {}, title), about ? h("p", {}, about) : legend(series)),
    readout,
    isEmpty
      ? h("p", { class: "empty" }, "None in this time")
      : plot({ kind, labels, ticks, series, totals, say, readout, summary }),
    isEmpty ? "" : numbers({ title, labels, series, say }),
  );
  return figure;
}

function summaryOf(kind, totals, say) {
  if (totals.length === 0) return "";
  const sum = totals.reduce((a, b) => a + b, 0);
  return kind === "bars"
    ? `${say(sum)} in ${totals.length} days`
    : `last ${say(totals.at(-1))}, highest ${say(Math.max(...totals))}`;
}

function legend(series) {
  return h(
    "ul",
    { class: "legend", "aria-hidden": "true" },
    series.map(({ name, tone }) => h("li", {}, h("span", { class: `swatch ${tone}` }), name)),
  );
}

function numbers({ title, labels, series, say }) {
  const points = labels.map((label, n) => ({ label, n })).reverse();
  const columns = [
    { name: "When", of: ({ label }) => label, main: true },
    ...series.map(({ name, values }) => ({
      name,
      number: true,
      of: ({ n }) => values[n] === null ? "" : say(values[n]),
    })),
  ];
  const details = h("details", {}, h("summary", {}, "Show the numbers"));
  // Built on demand, because six tables of ninety rows slow a phone down.
  details.addEventListener("toggle", () => {
    if (details.open && !details.querySelector("table")) {
      details.append(table(columns, points, { caption: title, empty: "" }));
    }
  });
  return details;
}

function plot({ kind, labels, ticks, series, totals, say, readout, summary }) {
  const box = h("div", { class: "plot", "aria-hidden": "true" });
  const end = scaleEnd(totals, { endsNow: kind === "line" }) || 1;
  let drawn = null;
  const redraw = () => {
    const width = box.clientWidth;
    drawn?.destroy();
    // A view that was removed has no width, and its uPlot listeners must be removed with it.
    drawn = width === 0 ? null : new uPlot(
      optionsOf({ kind, labels, ticks, series, totals, end, width, say, readout, summary }),
      dataOf(kind, labels, series),
      box,
    );
  };
  new ResizeObserver(() => drawn?.width !== box.clientWidth && redraw()).observe(box);
  redraws.set(box, redraw);
  return box;
}

/** Draws each chart that is still shown again, in the other colours. */
const redraws = new WeakMap();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const box of document.querySelectorAll(".plot")) redraws.get(box)?.();
});

/** uPlot draws later series over earlier ones, so the highest of the stack comes first. */
function dataOf(kind, labels, series) {
  const values = series.map((it) => it.values);
  const x = labels.map((_, n) => n);
  return [x, ...(kind === "bars" ? stacked(values.map((it) => it.map((value) => value ?? 0))).reverse() : values)];
}

function optionsOf({ kind, labels, ticks, series, totals, end, width, say, readout, summary }) {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const text = `11px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: colour("muted"), font: text, ticks: { show: false } };
  const every = Math.ceil(labels.length / Math.max(2, Math.floor(width / 72)));
  const shape = ({ name, tone }) =>
    kind === "bars"
      ? {
        label: name,
        fill: colour(tone),
        width: 0,
        points: { show: false },
        paths: uPlot.paths.bars({ size: [0.72, 28], radius: 0.12 }),
      }
      : {
        label: name,
        stroke: colour(tone),
        fill: `${colour(tone)}22`,
        width: 1.5,
        points: { show: false },
        spanGaps: true,
      };
  return {
    width,
    height: HEIGHT,
    padding: [18, 16, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: kind === "line", size: 6 }, drag: { x: false, y: false } },
    scales: { x: { time: false, range: [-0.6, labels.length - 0.4] }, y: { range: [0, end * 1.08] } },
    axes: [
      {
        ...axis,
        size: 26,
        grid: { show: false },
        splits: () => labels.map((_, n) => n).filter((n) => (labels.length - 1 - n) % every === 0),
        values: (_, at) => at.map((n) => ticks[n]),
      },
      { ...axis, size: 46, grid: { stroke: colour("line"), width: 1 }, incrs: WHOLE, values: (_, at) => at.map(short) },
    ],
    series: [{}, ...(kind === "bars" ? series.toReversed() : series).map(shape)],
    hooks: {
      setCursor: [
        ({ cursor: { idx } }) => readout.textContent = idx === null ? summary : pointOf({ idx, labels, series, say }),
      ],
      draw: [(it) => markOutliers(it, { totals, end, font: text, ink: colour("ink"), paper: colour("card") })],
    },
  };
}

/** Steps of the axis: orders, units and seconds come in whole numbers. */
const WHOLE = [1, 2, 5].flatMap((n) => Array.from({ length: 8 }, (_, power) => n * 10 ** power)).sort((a, b) => a - b);

function pointOf({ idx, labels, series, say }) {
  const said = series.map(({ name, values }) => {
    const value = values[idx] === null ? "–" : say(values[idx]);
    return series.length > 1 ? `${value} ${name}` : value;
  });
  return `${labels[idx]}: ${said.join(", ")}`;
}

/** What is higher than the scale is cut off with a gap in the bar, and says how high it is; neighbours share one text. */
function markOutliers(plotted, { totals, end, font, ink, paper }) {
  const { ctx, bbox } = plotted;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = font.replace("11px", `600 ${11 * ratio}px`);
  ctx.textAlign = "center";
  ctx.strokeStyle = paper;
  ctx.lineWidth = 3 * ratio;
  const groups = [];
  totals.forEach((total, n) => {
    if (total <= end) return;
    const x = plotted.valToPos(n, "x", true);
    ctx.beginPath();
    ctx.moveTo(x - 16 * ratio, bbox.top + 12 * ratio);
    ctx.lineTo(x + 16 * ratio, bbox.top + 6 * ratio);
    ctx.stroke();
    const last = groups.at(-1);
    if (last && x - last.xs.at(-1) < 40 * ratio) last.xs.push(x), last.texts.push(short(total));
    else groups.push({ xs: [x], texts: [short(total)] });
  });
  ctx.fillStyle = ink;
  for (const { xs, texts } of groups) {
    const text = texts.join(", ");
    const half = ctx.measureText(text).width / 2;
    const middle = (xs[0] + xs.at(-1)) / 2;
    ctx.fillText(
      text,
      Math.min(Math.max(middle, bbox.left + half), bbox.left + bbox.width - half),
      bbox.top - 5 * ratio,
    );
  }
  ctx.restore();
}
