import { faultsIn } from "../fault.ts";

const TABLE = ["tests/unit/cleanup/decide_stale_payment_test.ts"];
const LATER = ["tests/unit/cleanup/next_look_test.ts"];

const rows: [id: string, find: string, replace: string, breaks: string][] = [
  [
    "stale-dead-by-others",
    `if (finding.ended) return decide("canceled", finding.ended);`,
    "",
    "what the clean-up ended is nobody's success",
  ],
  [
    "stale-dead-unplanned",
    `if (payment.listed?.ending) return decide("canceled", "ended_earlier");`,
    "",
    "what a dead run ended is nobody's success",
  ],
  [
    "stale-dead-unrecorded",
    `(isClosed(payment) && payment.recordedState === "open")`,
    "false",
    "a dead payment stays open in the books",
  ],
  [
    "stale-dead-of-open-order",
    `(isClosed(payment) && payment.recordedState === "open")`,
    `payment.recordedState === "open"`,
    "both jobs tell of the same dead payment",
  ],
  [
    "stale-open-left-alone",
    `if (!isClosed(payment)) return waitForOrder({ payment, finding }, now);
      return leaveAlone(`,
    "return leaveAlone(",
    "a payment of an open order is an error of the program",
  ],
  [
    "stale-throttled-kept",
    `if (standing.why === "out_of_time" || standing.why === "throttled") {`,
    "if (false) {",
    "a payment nobody had time for is told as protected",
  ],
  [
    "stale-wait-of-open-order",
    `if (!isClosed(payment)) return waitForOrder({ payment, finding }, now);
      return decide("kept", standing.why, { nextLookAt: nextLook("protected"`,
    `return decide("kept", standing.why, { nextLookAt: nextLook("protected"`,
    "a payment of an open order is told as kept",
  ],
  [
    "stale-protected-forgotten",
    `nextLook("protected", { now, until: standing.until })`,
    "now",
    "a protected payment is asked about by every run",
  ],
  [
    "stale-foreign-listed-for-ever",
    `if (payment.orderId === null && standing.why === "foreign_payment") {`,
    "if (false) {",
    "an operator is told of somebody else's payments",
  ],
  [
    "stale-puzzle-unheard",
    `nextLook("puzzling", { now, payment }), alert: true });
    case "unclear":`,
    `nextLook("puzzling", { now, payment }) });
    case "unclear":`,
    "nobody hears of a payment that needs a person",
  ],
  [
    "stale-puzzle-of-open-order",
    `if (!isClosed(payment)) return waitForOrder({ payment, finding }, now);
      return decide("kept", standing.why, { nextLookAt: nextLook("puzzling"`,
    `return decide("kept", standing.why, { nextLookAt: nextLook("puzzling"`,
    "an operator is told of an order that the other job looks after",
  ],
  [
    "stale-stop-decided",
    `return decide("deferred", "run_stopped", { nextLookAt: now });`,
    `return decide("unlisted", "run_stopped");`,
    "a payment that a revoked key left open is never looked at again",
  ],
  [
    "quarantined-is-closed",
    `order.status === "expired";
}`,
    `order.status === "expired" || order.status === "quarantined";
}`,
    "the payment of an order that waits for an operator is ended",
  ],
  [
    "absent-is-open",
    `return order === null || order.status === "paid" ||
    order.status === "expired";`,
    `return order?.status === "paid" ||
    order?.status === "expired";`,
    "payments of orders that are gone stay open for ever",
  ],
  [
    "late-of-absent-ignored",
    `if (order === null) return decide("late_payment", "order_absent");`,
    "if (order === null) return null;",
    "money for an order that does not exist stays unseen",
  ],
  [
    "late-of-expired-settled",
    `return decide("late_payment", "order_expired");`,
    `return decide("paid", "paid");`,
    "money that came late is told as any other",
  ],
  [
    "contradiction-ignored",
    `if (recordedState === "dead") {`,
    "if (false) {",
    "a payment that was recorded dead and paid goes unseen",
  ],
  [
    "second-payment-as-first",
    `isSecond ? "paid_twice" : "paid"`,
    `"paid"`,
    "a second payment of an order is told as its first",
  ],
  [
    "unrecorded-second-ignored",
    "if (recordedState === null && isSecond) return",
    "if (false) return",
    "a second payment that the shop never recorded goes unseen",
  ],
  [
    "session-intent-is-second",
    "payment.paidBy.length > 0 && sameMoney(it).every((same) => same === false)",
    "payment.paidBy.length > 0",
    "each order paid by Checkout looks paid twice",
  ],
  [
    "session-intent-settled",
    `if (recordedState === null && payment.openSession && order.status !== "quarantined") {`,
    "if (false) {",
    "an order whose session was just paid looks paid twice",
  ],
  [
    "session-of-quarantined-awaited",
    ` && order.status !== "quarantined"`,
    "",
    "money of an order that was set aside waits for a job that never looks at it",
  ],
  [
    "currency-ignored",
    "standing.currency === order.currency &&",
    "",
    "2,000 yen pay an order of 2,000 euro cents",
  ],
  [
    "amount-ignored",
    "standing.amountReceived >= order.amount",
    "standing.amountReceived > 0",
    "a part pays the whole order",
  ],
  [
    "mismatch-unheard",
    `return decide("kept", "amount_mismatch", { nextLookAt: nextLook("puzzling", { now, payment }), alert: true });`,
    `return decide("kept", "amount_mismatch", { nextLookAt: nextLook("puzzling", { now, payment }) });`,
    "nobody hears of money that does not cover its order",
  ],
  [
    "recorded-taken-over",
    "if (payment.recordedState !== null) {",
    "if (false) {",
    "both jobs look after a payment",
  ],
  [
    "unrecorded-forgotten",
    `return decide("deferred", "order_open", { nextLookAt: nextLook("order_open", { now, payment }) });`,
    "return null;",
    "an unrecorded payment of an open order can be paid for ever once the order is closed",
  ],
  [
    "left-alone-for-ever",
    `return decide("deferred", leftAlone, { nextLookAt: now });`,
    `return decide("unlisted", leftAlone);`,
    "what the brake held back is never ended",
  ],
];

/** Each row of the clean-up's table of decisions, and when it looks again. */
export const CLEANUP_DECISION_FAULTS = [
  ...faultsIn(
    "functions/_shared/stripe/decide-stale-payment.ts",
    rows.map(([id, find, replace, breaks]) => [id, find, replace, breaks, TABLE]),
  ),
  ...faultsIn("functions/_shared/stripe/next-look.ts", [
    [
      "looks-equally-often",
      "first * 2 **",
      "first + 0 *",
      "a puzzling payment is asked about every week for ever",
      LATER,
    ],
    ["looks-never-again", ", longest);", ", 1e15);", "a puzzling payment is as good as dropped", LATER],
    ["looks-too-soon", "until?.getTime() ?? 0", "0", "a voucher is asked about every day", LATER],
  ]),
];
