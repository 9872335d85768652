import type { OrderKind } from "./kinds.ts";
import type { DemoShop, Fate, StockRow } from "./shop.ts";
import type { YearReport } from "./year.ts";

export type KindReport = {
  kind: string;
  orders: number;
  expected: string;
  outcomes: Record<string, number>;
  reasons: Record<string, number>;
  unitsReserved: number;
  unitsHeld: number;
  asExpected: boolean;
};

export type ExpiryReport = {
  kinds: KindReport[];
  stock: { before: StockRow[]; after: StockRow[] };
  run: Record<string, unknown>;
  metrics: Record<string, unknown>;
  problems: string[];
};

export type CleanupReport = {
  run: Record<string, unknown>;
  payments: YearReport;
  /** Alerts about payments that succeeded although their order is expired. */
  lateAlerts: number;
  problems: string[];
};

/**
 * Counts by kind what became of the orders and compares it with the expected outcome. An expired order must hold no
 * stock, a pending one all of its units; the units of a paid one are sold.
 */
export function reportKinds(kinds: OrderKind[], shop: DemoShop, fates: Fate[]): KindReport[] {
  const fateOf = new Map(fates.map((fate) => [fate.id, fate]));
  return kinds.map((kind) => {
    const orders = shop.orders.filter((order) => order.kind === kind);
    const own = orders.map((order) => fateOf.get(order.id)!);
    const unitsReserved = orders.reduce((sum, { units }) => sum + units, 0);
    const unitsHeld = own.reduce((sum, fate) => sum + fate.unitsHeld, 0);
    return {
      kind: kind.name,
      orders: orders.length,
      expected: kind.becomes,
      outcomes: count(own.map(({ status }) => status)),
      reasons: count(own.map(({ reason }) => reason ?? "none")),
      unitsReserved,
      unitsHeld,
      asExpected: own.every(({ status }) => status === kind.becomes) &&
        unitsHeld === (kind.becomes === "pending" ? unitsReserved : 0),
    };
  });
}

/** Every deviation from what was expected, in sentences. Empty if there is none. */
export function findProblems(kinds: KindReport[], before: StockRow[], after: StockRow[]): string[] {
  const wrong = kinds.filter(({ asExpected }) => !asExpected)
    .map(({ kind, expected, outcomes }) => `"${kind}" had to become ${expected}: ${JSON.stringify(outcomes)}`);
  const held = kinds.reduce((sum, { unitsHeld }) => sum + unitsHeld, 0);
  const reserved = after.reduce((sum, row) => sum + row.reserved, 0);
  if (held !== reserved) wrong.push(`Inventory has ${reserved} units reserved, orders hold ${held}`);
  const sold = sum(before, "onHand") - sum(after, "onHand");
  const paid = kinds.filter(({ expected }) => expected === "paid").reduce(
    (total, kind) => total + kind.unitsReserved,
    0,
  );
  if (sold !== paid) wrong.push(`${sold} units left the warehouse, ${paid} were paid for`);
  return wrong;
}

function sum(rows: StockRow[], column: "onHand" | "reserved" | "sellable"): number {
  return rows.reduce((total, row) => total + row[column], 0);
}

function count(values: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
