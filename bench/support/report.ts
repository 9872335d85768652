import type { Figure } from "./figure.ts";
import type { Report } from "./run.ts";

/** A report for people: missed goals and broken benches first, then one block per figure. */
export function describe({ machine, figures, missed, broken, size }: Report): string {
  return [
    `Sizes: ${size}. ${Object.entries(machine).map(([name, value]) => `${name} ${value}`).join(", ")}`,
    ...(missed.length === 0 ? ["All goals are met."] : missed.map((text) => `MISSED  ${text}`)),
    ...broken.map((text) => `BROKEN  ${text}`),
    "",
    ...figures.toSorted((a, b) => rank(a) - rank(b)).flatMap(describeFigure),
  ].join("\n");
}

function rank({ met }: Figure): number {
  return met === false ? 0 : 1;
}

function describeFigure({ bench, figure, unit, median, min, max, samples, size, goal, met, behind }: Figure): string[] {
  const asked = goal === null ? "" : "atMost" in goal ? `, goal ≤ ${goal.atMost}` : `, goal ≥ ${goal.atLeast}`;
  const verdict = met === null ? " " : met ? "✓" : "✗";
  return [
    `${verdict} ${bench}: ${figure}`,
    `    ${median} ${unit} (${min} to ${max}, ${samples} samples${asked}); ${size}`,
    ...Object.entries(behind).map(([name, value]) => `      ${name}: ${value}`),
    "",
  ];
}
