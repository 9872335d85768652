import { REASONS } from "../functions/_shared/rules/reasons.ts";

/** Columns two spaces apart; the last one is left as long as it is. */
export function columns(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) => row.map((cell, column) => column < row.length - 1 ? cell.padEnd(widths[column] ?? 0) : cell))
    .map((cells) => cells.join("  ").trimEnd())
    .join("\n");
}

/** Rows as an indented block under a heading. */
export function table(rows: string[][], none = "none"): string {
  return rows.length === 0 ? `  ${none}` : indent(columns(rows));
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
  const date = new Date(at);
  const distance = date.getTime() - now.getTime();
  return `${instant(date)} (${distance > 0 ? `in ${span(distance)}` : `${span(distance)} ago`})`;
}

/** To the second, in UTC. */
export function instant(date: Date): string {
  return date.toISOString().replace("T", " ").replace(/\.\d+Z$/, "Z");
}

/** `1 call`, `2 calls`. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en-US")} ${n === 1 ? one : many}`;
}

/** An amount in minor units; without one any payment settles the order. */
export function amountOf(amount: number | null, currency: string | null): string {
  if (amount === null) return "unknown to the shop: any payment settles the order";
  return `${amount.toLocaleString("en-US")} ${currency} (minor units)`;
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
