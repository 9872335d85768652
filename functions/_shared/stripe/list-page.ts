import { z } from "zod/mini";
import { type ListedPayment, listedSchema } from "./objects.ts";

/**
 * A page of one of Stripe's lists, newest first. Rows that cannot be read are named, so that one odd row does not hide ninety-nine
 * good ones. `answeredAt` is Stripe's own time, from the `Date` header; null: it did not say.
 */
export type ListPage = {
  payments: ListedPayment[];
  unreadable: string[];
  hasMore: boolean;
  lastId: string | null;
  answeredAt: Date | null;
};

// The rows themselves, not copies: each is parsed by itself below.
const pageSchema = z.object({ data: z.array(z.custom<{ id: string }>(hasAnId)), has_more: z.boolean() });

/** Reads a list's answer; null if it is none. */
export function pageOf(answer: object & { lastResponse: { headers: unknown } }): ListPage | null {
  const parsed = pageSchema.safeParse(answer);
  if (!parsed.success) return null;
  const { data, has_more: hasMore } = parsed.data;
  const rows = data.map((row) => ({ id: row.id, parsed: listedSchema.safeParse(row) }));
  return {
    payments: rows.flatMap(({ parsed }) => parsed.success ? [parsed.data] : []),
    unreadable: rows.flatMap(({ id, parsed }) => parsed.success ? [] : [id]),
    hasMore,
    lastId: data.at(-1)?.id ?? null,
    answeredAt: dateIn(answer.lastResponse.headers),
  };
}

function dateIn(headers: unknown): Date | null {
  const date = headers instanceof Headers ? headers.get("date") : null;
  const time = Date.parse(date ?? "");
  return Number.isNaN(time) ? null : new Date(time);
}

function hasAnId(row: unknown): boolean {
  return typeof row === "object" && row !== null && typeof Reflect.get(row, "id") === "string";
}
