import type { Table } from "./names.ts";

/** A description of a shop, as its adapter needs it. Columns are names; expressions are SQL over an order `o`. */
export type Shop = {
  orders: Table;
  key: { column: string; type: string };
  status: string;
  open: string[];
  paid: string[];
  closed: string[];
  draft: string[];
  paidAt: string | null;
  closedAt: string | null;
  placedAt: { column: string; expression: string };
  /** `argument` is passed to lapse.tg_watch: a column, a time to pay, or '' for Lapse's policies. */
  deadline: { argument: string; expression: string; column: string | null };
  amount: { column: string; major: boolean; expression: string } | null;
  currency: { argument: string; expression: string; column: string | null } | null;
  /** Columns with Stripe's ids, in the orders or in a table with one row per payment. */
  payments: { table: Table | null; order: string; ids: string[] } | null;
  account: string | null;
  method: string | null;
  channel: string | null;
  stock: Stock;
  openIndex: "there" | "small" | "large";
};

export type Stock = { kind: "none" } | { kind: "other" } | Counter | Reservations;

type Items = { table: Table; order: string; article: string; units: string };

export type Counter = {
  kind: "counter";
  items: Items;
  articles: { table: Table; key: string };
  inStock: string;
  tracked: { of: "article" | "item"; column: string } | null;
  articleMayBeMissing: boolean;
};

export type Reservations = {
  kind: "reservations";
  items: Items & { state: string };
  held: string;
  released: string;
  consumed: string | null;
  /** The table that counts an article's units; null if only the reservations do. */
  articles: { table: Table; key: string; reserved: string | null; onHand: string | null } | null;
  tracked: { of: "article" | "item"; column: string } | null;
};
