import type { CleanupReport, ExpiryReport } from "./report.ts";

/** What expire-stale-orders did, as people read it. */
export function printExpiry({ kinds, stock, run, metrics, problems }: ExpiryReport): void {
  console.log("\nWhat became of the orders, and why\n");
  printTable(kinds.map((kind) => ({
    kind: kind.kind,
    orders: kind.orders,
    became: pairs(kind.outcomes),
    because: pairs(kind.reasons),
    "units held before": kind.unitsReserved,
    after: kind.unitsHeld,
  })));

  console.log("\nStock (on hand / reserved / sellable)\n");
  printTable(stock.before.map((before, n) => {
    const after = stock.after[n]!;
    return {
      sku: before.sku,
      before: `${before.onHand} / ${before.reserved} / ${before.sellable}`,
      after: `${after.onHand} / ${after.reserved} / ${after.sellable}`,
    };
  }));

  console.log("\nThe run\n");
  printTable([
    pick(run, [
      "status",
      "durationMs",
      "paymentsExpired",
      "ordersPaid",
      "ordersWaiting",
      "stockReleased",
      "stripeCalls",
    ]),
  ]);
  console.log("\nThe metrics, as REST serves them\n");
  console.log(JSON.stringify(metrics, null, 2));
  printProblems(problems, "Every order is where it belongs.");
}

/** What cleanup-stale-payment-intents did, as people read it. */
export function printCleanup({ run, payments, lateAlerts, problems }: CleanupReport): void {
  console.log("\nWhat became of the payments\n");
  printTable(payments.map(({ kind, payments, became }) => ({ kind, payments, became: pairs(became) })));
  console.log("\nThe run\n");
  printTable([
    pick(run, [
      "status",
      "durationMs",
      "paymentIntentsCanceled",
      "latePayments",
      "ordersPaid",
      "paymentsKept",
      "stripeCalls",
    ]),
  ]);
  console.log(`\n${lateAlerts} alerts name the late payments: money to refund, or orders to deliver by hand.`);
  printProblems(problems, "Every payment is where it belongs.");
}

function printProblems(problems: string[], allWell: string): void {
  console.log(problems.length === 0 ? `\n${allWell}` : `\nWrong:\n  ${problems.join("\n  ")}`);
}

/** Lines up rows under the names of their columns; numbers to the right. */
export function printTable(rows: Record<string, string | number>[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => String(row[column]).length)));
  const line = (cells: (string | number)[]) =>
    cells.map((cell, n) => typeof cell === "number" ? String(cell).padStart(widths[n]!) : cell.padEnd(widths[n]!)).join(
      "  ",
    ).trimEnd();
  console.log(`  ${line(columns)}`);
  console.log(`  ${widths.map((width) => "─".repeat(width)).join("  ")}`);
  for (const row of rows) console.log(`  ${line(columns.map((column) => row[column]!))}`);
}

function pairs(counts: Record<string, number>): string {
  return Object.entries(counts).map(([name, n]) => Object.keys(counts).length === 1 ? name : `${n} ${name}`).join(", ");
}

function pick(from: Record<string, unknown>, keys: string[]): Record<string, string | number> {
  return Object.fromEntries(keys.map((key) => [key, typeof from[key] === "number" ? from[key] : String(from[key])]));
}
