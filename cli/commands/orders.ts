import { z } from "zod";
import { defineCommand, orderRef, type Outcome, typedInteger } from "../command.ts";
import { RefusedError, UsageError } from "../errors.ts";
import {
  counted,
  distance,
  explain,
  explained,
  instant,
  moment,
  money,
  paragraph,
  quoted,
  span,
  table,
  wrap,
} from "../output.ts";
import type { Project } from "../project.ts";
import { decisionRow, type OrderRow, orderRow, paymentRow } from "../rows.ts";

export const orders = defineCommand({
  name: "orders",
  summary: "Open orders, the next to be inspected first; or those of one kind",
  options: {
    quarantined: { help: "waiting for an operator's decision" },
    waiting: { help: "inspected and left open, because a payment may still succeed" },
    due: { help: "due now" },
    limit: { value: "N", help: "maximum number of orders shown (50)" },
  },
  input: z.strictObject({
    quarantined: z.boolean().default(false),
    waiting: z.boolean().default(false),
    due: z.boolean().default(false),
    limit: typedInteger(1, 1_000).default(50),
  }),
  run: async ({ limit, ...kinds }, context) => {
    const chosen = Object.entries(kinds).filter(([, given]) => given).map(([kind]) => kind);
    if (chosen.length > 1) {
      throw new UsageError(`Cannot list orders: --${chosen.join(" and --")} exclude each other. Give one of them`);
    }
    const project = await context.connect();
    const now = new Date();
    const found = await readOrders(project, { kind: chosen[0], limit, now });
    const text = found.length === 0
      ? `No order is ${chosen[0] ?? "open"}`
      : [...found.map((order) => listOrder(order, now)), ...(found.length === limit ? [ANOTHER_LIMIT] : [])].join("\n");
    return { well: true, json: found, text };
  },
});

const ANOTHER_LIMIT = "There may be more: --limit N shows up to 1,000";

function readOrders(
  { client, rows }: Project,
  { kind, limit, now }: { kind: string | undefined; limit: number; now: Date },
): Promise<OrderRow[]> {
  const all = client.from("lapse_orders").select("*");
  const open = all.in("status", kind === "quarantined" ? ["quarantined"] : ["pending", "expiring"]);
  const at = now.toISOString();
  const some = kind === "due"
    ? open.lte("next_check_at", at)
    : kind === "waiting"
    ? open.gt("next_check_at", at).gt("looks", 0)
    : open;
  return rows(some.order(kind === "quarantined" ? "ref" : "next_check_at").limit(limit), orderRow);
}

/** An order in a list: one line to identify it, and one that says why it is listed. */
function listOrder(order: OrderRow, now: Date): string {
  const { ref, amount, currency, status, nextCheckAt, reason } = order;
  const when = status === "quarantined"
    ? `placed ${distance(order.placedAt, now)}`
    : nextCheckAt !== null && Date.parse(nextCheckAt) <= now.getTime()
    ? `due since ${span(now.getTime() - Date.parse(order.dueSince ?? nextCheckAt))}`
    : nextCheckAt === null
    ? status
    : `next check ${distance(nextCheckAt, now)}`;
  return [
    ...wrap([ref, money(amount, currency), when].filter((it) => it !== "").join("  ")),
    ...(reason === null ? [] : [paragraph(explained(reason), 4)]),
  ].join("\n");
}

export const order = defineCommand({
  name: "order",
  argument: "REF",
  summary: "One order's whole history: its payments, every decision and why",
  options: {},
  input: z.strictObject({ argument: orderRef }),
  run: async ({ argument }, context) => describeOrder(await context.connect(), argument),
});

/** The limit of decisions that are read for one order, newest first. */
const MOST_DECISIONS = 500;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @throws RefusedError if the ledger lacks the order, or if this user may not see it. */
export async function describeOrder({ client, rows }: Project, asked: string): Promise<Outcome> {
  // The ledger stores UUIDs in PostgreSQL's spelling, in lower case.
  const ref = UUID.test(asked) ? asked.toLowerCase() : asked;
  const [found, payments, newest] = await Promise.all([
    rows(client.from("lapse_orders").select("*").eq("ref", ref), orderRow),
    rows(client.from("lapse_payments").select("*").eq("ref", ref).order("attached_at"), paymentRow),
    rows(
      client.from("lapse_decisions").select("*").eq("ref", ref).order("id", { ascending: false }).limit(MOST_DECISIONS),
      decisionRow,
    ),
  ]);
  const order = found[0];
  if (order === undefined) {
    throw new RefusedError(
      `Cannot show order ${asked}: the ledger does not have it. A new order is there within minutes, and a closed one ` +
        "until settings.keep_orders has passed",
    );
  }
  const decisions = newest.reverse().map((decision) => ({ ...decision, explanation: explain(decision.reason) }));
  const now = new Date();
  const optional = (name: string, at: string | null) => at === null ? [] : [[name, moment(at, now)]];
  const facts = [
    ["status", order.reason === null ? order.status : `${order.status} (${explained(order.reason)})`],
    ["amount", money(order.amount, order.currency) || "unknown to the shop: any payment settles the order"],
    ...(order.account === "" ? [] : [["account", order.account]]),
    ...(order.method ?? order.channel
      ? [["payment", [order.method, order.channel].filter((it) => it).join(", ")]]
      : []),
    ["placed", moment(order.placedAt, now)],
    ["deadline", moment(order.deadline, now)],
    ...optional("voucher until", order.holdUntil),
    ...optional("extra grace until", order.graceUntil),
    ...optional("waiting since", order.status === "pending" || order.status === "expiring" ? order.dueSince : null),
    ["next check", order.nextCheckAt === null ? "none" : moment(order.nextCheckAt, now)],
    ["decided", `${counted(order.looks, "time")}; failures in a row: ${order.failures}`],
    ...optional("closed", order.closedAt),
  ];
  const next = commandsFor(order, payments);
  const text = [
    `Order ${order.ref}`,
    table(facts),
    "Payments",
    table(
      payments.map((it) => [
        it.stripeId,
        it.state,
        [it.source, it.reason, statusOf(it), checked(it, now)].filter((x) => x).join(", "),
      ]),
    ),
    "Decisions",
    table(decisions.map((it) => [
      instant(new Date(it.decidedAt)),
      it.stripeId ?? "order",
      `${it.outcome}${it.unitsReleased > 0 ? `, ${counted(it.unitsReleased, "unit")} back` : ""}; ${
        explained(it.reason)
      }`,
    ])),
    ...(next.length === 0 ? [] : ["Next, with --reason TEXT", table(next)]),
  ];
  return { well: true, json: { order, payments, decisions }, text: text.join("\n") };
}

/** What an operator may do with an order in this state. */
function commandsFor({ ref, status }: OrderRow, payments: { stripeId: string; state: string }[]): string[][] {
  const lapse = (words: string, argument = ref, options = "") =>
    `npm run lapse -- ${words} ${quoted(argument)}${options}`;
  const paid = [lapse("resolve", ref, " --as paid"), "you have seen the money"];
  if (status === "pending") return [[lapse("sync"), "ask Stripe now, and settle it as a run would"], paid];
  // A run holds it already, so it cannot be synchronised.
  if (status === "expiring") return [paid];
  if (status !== "quarantined") return [];
  return [
    [lapse("redrive"), "the cause is fixed: return it to the job"],
    paid,
    [lapse("resolve", ref, " --as expired"), "it will never be paid: Lapse asks Stripe first"],
    ...payments.filter(({ state }) => state === "open").map(({ stripeId }) => [
      lapse("declare-dead", stripeId),
      "Stripe can neither find nor cancel this payment",
    ]),
  ];
}

function checked({ checkedAt }: { checkedAt: string | null }, now: Date): string {
  return checkedAt === null ? "never inspected" : `inspected ${moment(checkedAt, now)}`;
}

/** A summary of Stripe's answer. */
function statusOf({ evidence }: { evidence: unknown }): string {
  const known = z.looseObject({ status: z.string() }).safeParse(evidence);
  return known.success ? `Stripe: ${known.data.status}` : "";
}
