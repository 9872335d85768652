import type { Figure } from "./figure.ts";
import type { Report } from "./run.ts";

/** A report for people: one block per figure, missed goals last, where they are seen. */
export function describe({ machine, figures, missed, broken, size }: Report): string {
  return [
    `Sizes: ${size}. ${Object.entries(machine).map(([name, value]) => `${name} ${value}`).join(", ")}`,
    "",
    ...figures.flatMap(describeFigure),
    ...broken.map((text) => `BROKEN  ${text}`),
    missed.length === 0 ? "All goals are met." : `MISSED  ${missed.join("\nMISSED  ")}`,
  ].join("\n");
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
