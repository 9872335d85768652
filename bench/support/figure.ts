/** One measured number: a ratio or a count, never a bare time of this machine. */
export type Figure = {
  bench: string;
  figure: string;
  unit: string;
  median: number;
  min: number;
  max: number;
  samples: number;
  /** How much work was measured. */
  size: string;
  goal: Goal | null;
  /** Null where there is no goal. */
  met: boolean | null;
  /** The numbers from which the figure was calculated. */
  behind: Record<string, number | string | boolean>;
};

export type Goal = { atMost: number } | { atLeast: number };

export type Measured = {
  unit: string;
  samples: number[];
  size: string;
  goal?: Goal;
  behind?: Figure["behind"];
};

/** Turns samples into a figure. A goal is compared with the median, because single samples depend on the machine's other work. */
export function figureOf(bench: string, figure: string, { samples, goal, unit, size, behind }: Measured): Figure {
  const middle = median(samples);
  return {
    bench,
    figure,
    unit,
    median: round(middle),
    min: round(Math.min(...samples)),
    max: round(Math.max(...samples)),
    samples: samples.length,
    size,
    goal: goal ?? null,
    met: goal === undefined ? null : "atMost" in goal ? middle <= goal.atMost : middle >= goal.atLeast,
    behind: Object.fromEntries(
      Object.entries(behind ?? {}).map(([name, value]) => [name, typeof value === "number" ? round(value) : value]),
    ),
  };
}

/** Middle of the samples; the mean of both middles for an even number of them. */
export function median(samples: number[]): number {
  if (samples.length === 0) throw new Error("Cannot take the median of no samples");
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The smallest sample that this share of all samples does not exceed. */
export function percentile(samples: number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]!;
}

/** Three significant digits, because no figure here is more precise. */
function round(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(Math.abs(value) >= 1000 ? 5 : 3)) : value;
}
