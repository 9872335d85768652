import { faultsIn } from "../fault.ts";

const BY_HAND = ["tests/unit/stripe/captures_by_hand_test.ts"];
const BROKEN = ["tests/unit/expire/broken_batch_test.ts"];
const PAGES = ["tests/unit/stripe/read_in_pages_test.ts"];
const PAGE_BOUNDS = ["tests/unit/stripe/read_in_pages_bounds_test.ts"];
const ENDS = ["tests/unit/stripe/expect_ends_test.ts"];
const LOST = ["tests/unit/expire/unknown_payments_test.ts"];
const UNREADABLE = ["tests/unit/expire/unreadable_orders_test.ts"];

/** How a run of expire-stale-orders claims, reads and settles its batches. */
export const RUN_FAULTS = [
  ...faultsIn("functions/_shared/stripe/read-in-pages.ts", [
    [
      "holds-served-from-page",
      " || capturesByHand(intent)) continue;",
      ") continue;",
      "a customer who just authorised a payment is cancelled",
      BY_HAND,
    ],
    [
      "old-page-served",
      "!read || clock().getTime() - read.askedAt.getTime() > MAX_AGE",
      "!read",
      "a customer who has been in 3-D Secure for long is cancelled",
      BY_HAND,
    ],
    [
      "pages-behind-the-back",
      ".catch((error) => void reading.failures.push(error))",
      "",
      "calls go on for a run that is over",
      PAGE_BOUNDS,
    ],
    [
      "pages-after-a-failure",
      "failures.length === 0 && stripeIds",
      "stripeIds",
      "a run that failed reserves and reads on",
      PAGE_BOUNDS,
    ],
    [
      "page-failure-forgotten",
      "if (failures.length > 0) throw failures[0];",
      "",
      "a budget that cannot be asked is asked once more for each intent",
      PAGE_BOUNDS,
    ],
    ["found-uncounted", "found += 1;", "", "paging ends although it finds what it looks for", PAGE_BOUNDS],
  ]),
  ...faultsIn("functions/_shared/stripe/page-plan.ts", [
    [
      "pages-within-seconds",
      " || second >= window.from)",
      ")",
      "pages show the newest of a second again and again",
      PAGES,
    ],
    ["pages-overfull", "sum <= PLANNED_FOR_A_PAGE", "true", "a page ends before the intents it was planned for", PAGES],
    [
      "pages-across-gaps",
      "adjoin(newer.window, window) && ",
      "",
      "a page is spent on hours without wanted intents",
      PAGES,
    ],
    [
      "pages-unworthy",
      "pages * 2 <= stripeIds.length ? pages : 0",
      "pages",
      "pages cost more than single reads",
      PAGES,
    ],
    [
      "pages-in-vain",
      " && read - found < PAGES_AT_RISK",
      "",
      "in an account full of unknown intents pages cost half as much again as single reads",
      PAGE_BOUNDS,
    ],
  ]),
  ...faultsIn("functions/_shared/stripe/expect-ends.ts", [
    ["ends-expected-twice", "awaited.delete(id)", "true", "slots are reserved that nobody uses", ENDS],
    [
      "ends-of-the-dead",
      'state !== "open" || awaited.has(stripeId)',
      "awaited.has(stripeId)",
      "slots are reserved for payments that are over",
      ENDS,
    ],
    ["ends-of-one-payment-twice", " || awaited.has(stripeId)", "", "slots are reserved that nobody uses", ENDS],
    [
      "ends-never-over",
      "payments.forEach(({ stripeId }) => noLonger(stripeId))",
      "{}",
      "slots are reserved for orders that are over",
      ENDS,
    ],
  ]),
  ...faultsIn("functions/_shared/stripe/captures-by-hand.ts", [
    [
      "holds-by-method-unseen",
      'if (typeof payment_method_options !== "object" || payment_method_options === null) return false;',
      "return false;",
      "a shop that captures cards by hand loses authorisations",
      BY_HAND,
    ],
  ]),
  ...faultsIn("functions/_shared/stripe/examine-order.ts", [
    [
      "old-look-believed",
      "latest === next.payment.id || !next.capturesByHand",
      "true",
      "a payment authorised while another was ended is cancelled",
      BY_HAND,
    ],
  ]),
  ...faultsIn("functions/_shared/database/scalars.ts", [
    ["rfc-ids-only", "z.guid()", "z.uuid()", "one order with an older id stops every run", UNREADABLE],
  ]),
  ...faultsIn("functions/_shared/database/claimed-orders.ts", [
    [
      "unreadable-stops-all",
      "if (known.success) claim",
      "if (false) claim",
      "one order that cannot be read stops every run",
      UNREADABLE,
    ],
    [
      "nameless-order-skipped",
      "else issues.push(",
      "else if (false) issues.push(",
      "an order that cannot be settled is claimed and forgotten",
      UNREADABLE,
    ],
  ]),
  ...faultsIn("functions/expire-stale-orders/work-on-batches.ts", [
    [
      "run-ends-before-its-batches",
      "progress.broken ??= { error };",
      "throw error;",
      "a run ends payments after it gave its lease back",
      BROKEN,
    ],
    [
      "wrong-key-claims-on",
      " || isKeyDoubtful(evidence);",
      ";",
      "a wrong key goes through all orders",
      LOST,
    ],
    [
      "doubt-outlives-proof",
      'if (batch.stop !== "too_many_not_found") progress',
      "progress",
      "orders of a shop that left end every run",
      LOST,
    ],
    [
      "broken-run-begins-orders",
      "const halted = () => progress.broken !== null;",
      "const halted = () => false;",
      "a run without a lease goes on ending payments",
      BROKEN,
    ],
    [
      "broken-run-succeeds",
      "if (progress.broken) throw progress.broken.error;",
      "",
      "a run that could not claim reports success, and a database that fails is told to nobody",
      BROKEN,
    ],
  ]),
  ...faultsIn("functions/expire-stale-orders/examine-claim.ts", [
    [
      "broken-before-settling",
      "broken: { error }",
      "broken: null",
      "a database that fails while pages are read is told to nobody",
      ["tests/integration/budget_failure_test.ts"],
    ],
    [
      "unreadable-forgotten",
      'unreadable.map((order) => failedDecision(order, "order_unreadable"))',
      "[]",
      "an order that cannot be read is never set aside",
      UNREADABLE,
    ],
  ]),
];
