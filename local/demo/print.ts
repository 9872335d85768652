import type { CleanupReport, ExpiryReport } from "./report.ts";
import { paragraph, table } from "./terminal.ts";

/** The result of expire-stale-orders, for people. */
export function printExpiry({ kinds, stock, run, metrics, problems }: ExpiryReport): void {
  section(
    "What became of the orders, and why",
    table(kinds.map(({ kind, orders, outcomes, reasons }) => ({
      kind,
      orders,
      became: pairs(outcomes),
      because: pairs(reasons),
    }))),
  );
  section(
    "Units of stock: on the shelf, of them reserved, and free to sell",
    table(stock.before.map((before, n) => {
      const after = stock.after[n]!;
      return {
        article: before.sku,
        "on hand": change(before.onHand, after.onHand),
        reserved: change(before.reserved, after.reserved),
        sellable: change(before.sellable, after.sellable),
      };
    })),
  );
  section("The run", fields(run));
  section("The metrics, as REST serves them", JSON.stringify(metrics, null, 2).replaceAll(/^/gm, "  "));
  printProblems(problems, "Every order is where it belongs.");
}

/** The result of cleanup-stale-payment-intents, for people. */
export function printCleanup({ run, payments, lateAlerts, problems }: CleanupReport): void {
  section(
    "What became of the payments",
    table(payments.map(({ kind, payments, became }) => ({ kind, payments, became: pairs(became) }))),
  );
  section("The run", fields(run));
  console.log(
    `\n${paragraph(`${lateAlerts} alerts name the late payments: money to refund, or orders to fulfil manually.`)}`,
  );
  printProblems(problems, "Every payment is where it belongs.");
}

function section(title: string, text: string): void {
  console.log(`\n${title}\n\n${text}`);
}

function printProblems(problems: string[], allWell: string): void {
  console.log(problems.length === 0 ? `\n${allWell}` : `\nWrong:\n  ${problems.join("\n  ")}`);
}

/** The counters of a run that are not zero. */
function fields(run: Record<string, unknown>): string {
  const said = Object.entries(run).filter(([name, value]) =>
    !["runId", "job", "finishedAt"].includes(name) && value !== null && value !== 0
  );
  return said.map(([name, value]) => `  ${name.padEnd(25)}${value}`).join("\n");
}

function change(before: number, after: number): string {
  return before === after ? `${before}` : `${before} → ${after}`;
}

function pairs(counts: Record<string, number>): string {
  return Object.entries(counts).map(([name, n]) => Object.keys(counts).length === 1 ? name : `${n} ${name}`).join(", ");
}
