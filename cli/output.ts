import { REASONS } from "../functions/_shared/rules/reasons.ts";

/** The width that every terminal can show. */
const WIDTH = 80;
/** If the last column would be narrower than this, it is printed below its row. */
const NARROWEST = 34;

/** Aligns columns two spaces apart. The last one is wrapped where a line would exceed `width`. */
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

/** Wraps a text at spaces. A word longer than a line stays whole, so that it can be copied. */
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

/** One word for a POSIX shell, as it is typed. */
export function quoted(text: string): string {
  return /^[\w.:@,/+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A bar of up to `width` characters; anything above zero has at least one. */
export function bar(value: number, { max, width = 40 }: { max: number; width?: number }): string {
  if (value <= 0 || max <= 0) return "";
  return "█".repeat(Math.max(1, Math.round((value / max) * width)));
}

/** A duration in its largest unit. Milliseconds. */
export function span(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1_000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** A moment and how far away it is: `2026-11-22 12:00:00Z (5 min ago)`. */
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
 * An amount in Stripe's minor units, formatted as `EUR 49.90`; empty if the shop does not know it. The lists are those
 * of lapse.minor_units (docs.stripe.com/currencies#zero-decimal).
 */
export function money(amount: number | null, currency: string | null): string {
  if (amount === null || currency === null) return "";
  const code = currency.toLowerCase();
  const digits = WITHOUT_DECIMALS.includes(code) ? 0 : THREE_DECIMALS.includes(code) ? 3 : 2;
  return `${code.toUpperCase()} ${(amount / 10 ** digits).toFixed(digits)}`;
}

/** The meaning of a reason code, in one sentence; null for anything else, such as an operator's own words. */
export function explain(reason: string | null): string | null {
  const known: Record<string, string> = REASONS;
  return reason !== null && Object.hasOwn(known, reason) ? known[reason]! : null;
}

/** A reason, with its meaning if it is a known code. */
export function explained(reason: string | null): string {
  const meaning = explain(reason);
  return meaning === null ? reason ?? "" : `${reason}: ${meaning}`;
}
