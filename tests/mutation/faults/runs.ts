import { faultsIn } from "../fault.ts";

const UNREADABLE = ["tests/unit/expire/unreadable_orders_test.ts"];

/** How a run of expire-stale-orders claims, reads and settles its batches. */
export const RUN_FAULTS = [
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
  ...faultsIn("functions/expire-stale-orders/examine-claim.ts", [
    [
      "unreadable-forgotten",
      'unreadable.map((order) => failedDecision(order, "order_unreadable"))',
      "[]",
      "an order that cannot be read is never set aside",
      UNREADABLE,
    ],
  ]),
];
