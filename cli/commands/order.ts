import { z } from "zod";
import { type Context, defineCommand, orderId, type Outcome } from "../command.ts";
import { RefusedError } from "../errors.ts";
import { amountOf, columns, indent, instant, moment } from "../output.ts";
import type { Project } from "../project.ts";
import { explain } from "../reasons.ts";
import { decisionRow, orderRow, paymentRow, reservationRow } from "../rows.ts";

const input = z.strictObject({ argument: orderId });

export const order = defineCommand({
  name: "order",
  argument: "ORDER",
  summary: "One order's whole history: payments, reservations, every decision and why",
  options: {},
  input,
  run: async ({ argument }: z.infer<typeof input>, context: Context) =>
    describeOrder(await context.connect(), argument),
});

/** Decisions of one order that are read; the newest, should there be more. */
const MOST_DECISIONS = 500;

/** @throws RefusedError for an order that does not exist, or that this login may not see. */
export async function describeOrder({ client, rows }: Project, id: string): Promise<Outcome> {
  const [orders, payments, reservations, newest] = await Promise.all([
    rows(client.from("orders").select("*").eq("id", id), orderRow),
    rows(client.from("order_payments").select("*").eq("order_id", id).order("created_at"), paymentRow),
    rows(client.from("stock_reservations").select("*").eq("order_id", id).order("sku"), reservationRow),
    rows(
      client.from("job_decisions").select("*").eq("order_id", id).order("id", { ascending: false }).limit(
        MOST_DECISIONS,
      ),
      decisionRow,
    ),
  ]);
  const order = orders[0];
  if (order === undefined) throw new RefusedError(`Cannot show order as it does not exist: current value is ${id}`);
  const decisions = newest.reverse().map((decision) => ({ ...decision, explanation: explain(decision.reason) }));
  const now = new Date();

  const facts = [
    ["status", `${order.status}${order.status_reason ? ` (${order.status_reason})` : ""}`],
    ["", explain(order.status_reason) ?? ""],
    ["amount", amountOf(order.amount, order.currency)],
    ["payment", `${order.payment_method}, channel ${order.channel}`],
    ["placed", moment(order.created_at, now)],
    ["deadline", moment(order.expires_at, now)],
    ["next look", order.next_check_at === null ? "none" : moment(order.next_check_at, now)],
    ["attempts", `${order.attempt}, failures in a row: ${order.failures}`],
  ].filter(([name, value]) => name !== "" || value !== "");
  const text = [
    `Order ${order.id}`,
    indent(columns(facts)),
    "Payments",
    table(
      payments.map((it) => [it.stripe_id, it.kind, it.state, it.reason ?? "", seen(it.evidence), checked(it, now)]),
    ),
    "Reservations",
    table(reservations.map((it) => [it.sku, String(it.quantity), it.state])),
    "Decisions",
    table(decisions.map((it) => [
      instant(new Date(it.decided_at)),
      it.stripe_id ?? "order",
      it.outcome,
      it.units_released > 0 ? `${it.units_released} units back` : "",
      `${it.reason}${it.explanation ? `: ${it.explanation}` : ""}`,
    ])),
  ];
  return { well: true, json: { order, payments, reservations, decisions }, text: text.join("\n") };
}

function checked({ checked_at }: { checked_at: string | null }, now: Date): string {
  return checked_at === null ? "never asked" : `asked ${moment(checked_at, now)}`;
}

/** What Stripe said, in short. */
function seen(evidence: unknown): string {
  const known = z.looseObject({ status: z.string() }).safeParse(evidence);
  return known.success ? `Stripe: ${known.data.status}` : "";
}

function table(rows: string[][]): string {
  return rows.length === 0 ? "  none" : indent(columns(rows));
}
