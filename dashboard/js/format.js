// Numbers, money and times as people read them. Pure: the present is an argument.

export function number(value) {
  return Number(value).toLocaleString("en");
}

/** A number for the axis of a chart, or over a bar: 950, 12.4k, 3.1M. */
export function short(value) {
  return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value).replace("K", "k");
}

/** `1 order`, `2 orders`. */
export function counted(value, one, many = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** Rows that were read up to a limit: 1,000 means at least that many. */
export function capped(rows, limit) {
  return rows.length >= limit ? `${number(limit)}+` : number(rows.length);
}

/** Currencies without a smaller unit at Stripe, and those with thousandths; the same lists as lapse.minor_units. */
const WHOLE = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(" ");
const THOUSANDTHS = "bhd jod kwd omr tnd".split(" ");

/** An amount in minor units, as Stripe counts it. */
export function money(amount, currency) {
  if (amount === null || amount === undefined || !currency) return "any amount";
  const digits = WHOLE.includes(currency) ? 0 : THOUSANDTHS.includes(currency) ? 3 : 2;
  const options = { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat("en", options).format(amount / 10 ** digits);
}

/** Sums of several currencies; rows without an amount do not count. */
export function sums(rows) {
  const totals = new Map();
  for (const { amount, currency } of rows) {
    if (amount !== null && currency) totals.set(currency, (totals.get(currency) ?? 0) + amount);
  }
  return [...totals].sort(([, a], [, b]) => b - a).map(([currency, amount]) => money(amount, currency)).join(" + ");
}

/** How long, in the largest unit that fits. Milliseconds. */
export function span(ms) {
  const seconds = Math.round(Math.abs(ms) / 1_000);
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6_000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** `3 h ago`, `in 5 min`. */
export function distance(at, now) {
  const ms = new Date(at).getTime() - now.getTime();
  return ms > 0 ? `in ${span(ms)}` : `${span(ms)} ago`;
}

/** A duration in milliseconds, with as many digits as help. */
export function seconds(ms) {
  if (ms === null || ms === undefined) return "";
  return ms < 9_950 ? `${(ms / 1_000).toFixed(1)} s` : ms < 120_000 ? `${Math.round(ms / 1_000)} s` : span(ms);
}

/** In the reader's own time zone: `today, 14:02`, `29 Nov, 14:02`, `29 Nov 2025, 14:02`. `zone` is for tests. */
export function moment(at, now, zone) {
  const date = new Date(at);
  const write = (value, options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }).format(value);
  const dayOf = (value) => write(value, { day: "numeric", month: "short", year: "numeric" });
  const isThisYear = write(date, { year: "numeric" }) === write(now, { year: "numeric" });
  const day = dayOf(date) === dayOf(now)
    ? "today"
    : write(date, { day: "numeric", month: "short", ...(isThisYear ? {} : { year: "numeric" }) });
  return `${day}, ${write(date, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })}`;
}

/** The day of a UTC date such as 2026-11-29. */
export function day(date) {
  return new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(date));
}
