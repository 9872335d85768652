import { type Fault, faultsIn } from "../fault.ts";

const DATABASE = "functions/_shared/database";
const REFUSED = ["unit/database/contracts_test.ts", "unit/expire/refused_orders_test.ts"];
const RPC = ["unit/database/rpc_test.ts"];
const CONTRACTS = ["unit/database/contracts_test.ts"];
const CLAIMED = ["unit/database/claimed_orders_test.ts"];

/** What functions and database tell each other. */
export const DATABASE_FAULTS: Fault[] = [
  ...faultsIn("functions/_shared/errors.ts", REFUSED, [
    [
      "shop-cannot-refuse",
      "if (error.code === SHOP_REFUSED) return true;",
      "",
      "one order that the shop refuses to close stops every run",
    ],
    ["lost-lease-halved", "|5|LP|XX)/", "|5|XX)/", "a run that lost its lease keeps settling"],
    ["deadlock-blamed", "|40|42|", "|42|", "orders are blamed for a deadlock"],
    ["missing-right-blamed", "|40|42|", "|40|", "orders are blamed for a missing right"],
    [
      "gateway-blamed",
      "return /^[0-9A-Z]{5}$/.test(error.code) && ",
      "return ",
      "orders are blamed for an answer of the gateway",
    ],
    [
      "lock-is-no-timeout",
      `return isLockTimeout(error) || (error`,
      `return (error`,
      "a stocktaking fails the run",
    ],
    [
      "slowness-is-no-timeout",
      ` || (error instanceof DatabaseError && error.code === "57014")`,
      "",
      "a slow statement fails the run",
    ],
  ]),
  ...faultsIn(`${DATABASE}/rpc.ts`, RPC, [
    [
      "everything-repeated",
      "!(repeatable && isLostAnswer(error))",
      "!isLostAnswer(error)",
      "a claim whose answer got lost is made again, and the first one lapses",
    ],
    [
      "deadlock-not-repeated",
      `error.code === "40P01" || error.code === "40001"`,
      `error.code === "40001"`,
      "a deadlock costs a run",
    ],
    [
      "lost-answer-not-repeated",
      "if (!isRolledBack(error) && !(repeatable && isLostAnswer(error))) throw error;",
      "if (!isRolledBack(error)) throw error;",
      "a lost answer costs a run",
    ],
    [
      "refusal-repeated",
      "return error.code === null || /^(5",
      "return true || /^(5",
      "what the database refuses is asked for again and again",
    ],
    [
      "lost-lease-unseen",
      "if (code === LEASE_LOST) throw",
      "if (false) throw",
      "a lost lease looks like any other error",
    ],
    [
      "answer-unchecked",
      "if (parsed.success) return parsed.data;",
      "return data as never;",
      "an answer that breaks the contract is worked with",
    ],
  ]),
  ...faultsIn(`${DATABASE}/database.ts`, CONTRACTS, [
    [
      "beginning-repeated",
      "{ answer: beginAnswer, repeatable: false }",
      "{ answer: beginAnswer, repeatable: true }",
      "a run whose first answer got lost is a duplicate of itself, and nobody works",
    ],
    [
      "close-repeated",
      "answer: closedOrders,\n        repeatable: false,",
      "answer: closedOrders,\n        repeatable: true,",
      "a run closes more orders than its limit allows",
    ],
    [
      "claim-repeated",
      `{ answer: claimedOrders, repeatable: false }),\n    /** Claims orders without`,
      `{ answer: claimedOrders, repeatable: true }),\n    /** Claims orders without`,
      "claims whose answer got lost lapse and count as failed",
    ],
    [
      "settlement-not-repeated",
      "answer: settledOrders,\n        repeatable: true,",
      "answer: settledOrders,\n        repeatable: false,",
      "a lost answer to a settlement breaks the run",
    ],
    [
      "fence-unsent",
      "return { p_run_id: runId, p_fence: fence };",
      "return { p_run_id: runId };",
      "no call of a run is fenced",
    ],
  ]),
  ...faultsIn(`${DATABASE}/orders.ts`, CLAIMED, [
    [
      "unreadable-stops-all",
      "if (known.success) claim",
      "if (false) claim",
      "one order that cannot be read stops every run",
    ],
    [
      "nameless-order-skipped",
      "else issues.push(",
      "else if (false) issues.push(",
      "an order that cannot be settled is claimed and forgotten",
    ],
    [
      "amount-below-zero",
      "amount: z.nullable(count),",
      "amount: z.nullable(z.number()),",
      "an order over minus five euros is paid by nothing",
    ],
  ]),
  ...faultsIn(`${DATABASE}/runs.ts`, CONTRACTS, [
    [
      "new-settings-refused",
      "export const settings = z.object({",
      "export const settings = z.strictObject({",
      "a newer database stops every run",
    ],
    [
      "money-settings-guessed",
      "voucherSettleGraceSeconds: seconds,",
      "voucherSettleGraceSeconds: z._default(seconds, 0),",
      "a database that forgot a setting has vouchers cancelled",
    ],
    [
      "older-settings-refused",
      "runOrders: z._default(positive, 600),",
      "runOrders: positive,",
      "an older database stops every run",
    ],
  ]),
];
