import { REASONS } from "../functions/_shared/rules/reasons.ts";

/** What every terminal shows without breaking a line. */
const WIDTH = 80;
/** A last column that is narrower is hard to read; it goes below its row instead. */
const NARROWEST = 34;

/** Columns two spaces apart. The last one is broken where the line would become longer than `width`. */
export function columns(rows: string[][], width = WIDTH): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.flatMap((row) => {
    const head = row.slice(0, -1).map((cell, column) => `${cell.padEnd(widths[column] ?? 0)}  `).join("");
    const last = row.at(-1) ?? "";
    const room = width - head.length;
    if (last.length <= room) return [`${head}${last}`.trimEnd()];
    if (room < NARROWEST) return [...wrap(head, width), ...wrap(last, width - 4).map((line) => `    ${line}`)];
    return wrap(last, room).map((line, n) => (n === 0 ? head : " ".repeat(head.length)) + line);
  }).join("\n");
}

/** Breaks a text at its spaces. A word that is longer than a line stays whole, so that it can be copied. */
export function wrap(text: string, width = WIDTH): string[] {
  if (text.trimEnd().length <= width) return [text.trimEnd()];
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((it) => it !== "")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Rows as an indented block under a heading. */
export function table(rows: string[][], none = "none"): string {
  return rows.length === 0 ? `  ${none}` : indent(columns(rows, WIDTH - 2));
}

/** A text as an indented block. */
export function paragraph(text: string, depth = 2): string {
  return wrap(text, WIDTH - depth).map((line) => " ".repeat(depth) + line).join("\n");
}

export function indent(text: string): string {
  return text.split("\n").map((line) => `  ${line}`).join("\n");
}

/** A bar of up to `width` characters, at least one for anything above zero. */
export function bar(value: number, { max, width = 40 }: { max: number; width?: number }): string {
  if (value <= 0 || max <= 0) return "";
  return "█".repeat(Math.max(1, Math.round((value / max) * width)));
}

/** How long ago, or how long until, in the largest unit that fits. Milliseconds. */
export function span(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1_000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** A moment and its distance: `2026-11-22 12:00:00Z (5 min ago)`. */
export function moment(at: string | null, now: Date): string {
  if (at === null) return "never";
  return `${instant(new Date(at))} (${distance(at, now)})`;
}

/** How far away a moment is: `5 min ago`, `in 3 h`. */
export function distance(at: string, now: Date): string {
  const ms = new Date(at).getTime() - now.getTime();
  return ms > 0 ? `in ${span(ms)}` : `${span(ms)} ago`;
}

/** To the second, in UTC. */
export function instant(date: Date): string {
  return date.toISOString().replace("T", " ").replace(/\.\d+Z$/, "Z");
}

/** `1 call`, `2 calls`. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en-US")} ${n === 1 ? one : many}`;
}

const WITHOUT_DECIMALS = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(" ");
const THREE_DECIMALS = "bhd jod kwd omr tnd".split(" ");

/**
 * An amount in Stripe's minor units as a person writes it: `EUR 49.90`. Empty where the shop does not know it. The lists are those of
 * lapse.minor_units (docs.stripe.com/currencies#zero-decimal).
 */
export function money(amount: number | null, currency: string | null): string {
  if (amount === null || currency === null) return "";
  const code = currency.toLowerCase();
  const digits = WITHOUT_DECIMALS.includes(code) ? 0 : THREE_DECIMALS.includes(code) ? 3 : 2;
  return `${code.toUpperCase()} ${(amount / 10 ** digits).toFixed(digits)}`;
}

/** What a reason code means, in one sentence; null for anything else, such as an operator's own words. */
export function explain(reason: string | null): string | null {
  const known: Record<string, string> = REASONS;
  return reason !== null && Object.hasOwn(known, reason) ? known[reason]! : null;
}

/** A reason with its meaning, as far as it has one. */
export function explained(reason: string | null): string {
  const meaning = explain(reason);
  return meaning === null ? reason ?? "" : `${reason}: ${meaning}`;
}
