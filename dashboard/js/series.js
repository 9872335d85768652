// Figures as charts draw them. Pure.

/** The last days up to today, oldest first, as UTC dates. */
export function lastDays(count, now) {
  const at = (n) => new Date(now.getTime() - (count - 1 - n) * 86_400_000);
  return Array.from({ length: count }, (_, n) => at(n).toISOString().slice(0, 10));
}

/** One value per date: the rows' field, summed over jobs. A day without a row is a day on which nothing happened. */
export function perDay(rows, dates, field) {
  const sums = new Map(dates.map((date) => [date, 0]));
  for (const row of rows) if (sums.has(row.day)) sums.set(row.day, sums.get(row.day) + Number(row[field]));
  return [...sums.values()];
}

/** A value counts as an outlier when it is this many times the next smaller one. */
const GAP = 3;

/**
 * Where the scale ends, so that a few outliers do not flatten the rest: at the largest value below a gap among the top tenth of the
 * values, else at the largest of all. What is above is drawn cut off, with its number. Where the values end with the present
 * (`endsNow`), the last one is always within the scale: it may be the beginning of something.
 */
export function scaleEnd(values, { endsNow = false } = {}) {
  const descending = values.filter((value) => value > 0).sort((a, b) => b - a);
  const candidates = Math.max(1, Math.floor(values.length / 10));
  let end = descending[0] ?? 0;
  for (let n = 1; n <= candidates && n < descending.length; n++) {
    if (descending[n - 1] > GAP * descending[n]) end = descending[n];
  }
  return endsNow ? Math.max(end, values.at(-1) ?? 0) : end;
}

/** Running sums of the series, for bars on top of each other: the last line is the total. */
export function stacked(series) {
  let below = series[0].map(() => 0);
  return series.map((values) => below = values.map((value, n) => value + below[n]));
}

/** Groups by a key, the largest group first. */
export function groupBy(rows, keyOf) {
  const groups = new Map();
  for (const row of rows) {
    const key = keyOf(row);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  }
  return [...groups].sort(([, a], [, b]) => b.length - a.length);
}
