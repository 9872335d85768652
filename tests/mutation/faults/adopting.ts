import { faultsIn } from "../fault.ts";

const FIRST_DAY = ["tests/adopting/first_day_test.ts"];
const OWN_STATES = ["tests/adopting/own_states_test.ts"];
const DATABASE = ["tests/adopting/database_test.ts"];

/** In the port of docs/adopting.md, which shops copy. */
export const ADOPTING_FAULTS = [
  ...faultsIn("docs/adopting/second-shop-watch.sql", [
    [
      "old-payments-not-counted",
      "(select count(*) from shop2.stripe_refs r where r.sale_no = s.sale_no)",
      "0",
      "a sale from before Lapse is voided without a question to Stripe",
      FIRST_DAY,
    ],
    [
      "old-payments-not-watched",
      "join shop2.sale_watch w using (sale_no);",
      "join shop2.sale_watch w using (sale_no) where false;",
      "payments from before Lapse are never asked about",
      FIRST_DAY,
    ],
    [
      "own-states-not-followed",
      "w.status in ('pending', 'expiring', 'quarantined');",
      "false;",
      "a sale paid in cash is voided",
      OWN_STATES,
    ],
  ]),
  ...faultsIn("docs/adopting/second-shop-port.sql", [
    [
      "watch-before-sale",
      "  order by s.sale_no\n  for no key update;",
      "  order by s.sale_no;",
      "the run and the shop wait for each other",
      OWN_STATES,
    ],
    [
      "adopted-pieces-overflow",
      "select w.id, sum(l.pieces)\n",
      "select w.id, sum(l.pieces)::integer\n",
      "a batch of large sales is never closed",
      DATABASE,
    ],
    [
      "empty-sale-not-decided",
      "left join shop2.pieces_of(v_expired) v",
      "join shop2.pieces_of(v_expired) v",
      "a sale without lines is open for ever",
      DATABASE,
    ],
  ]),
  ...faultsIn("docs/adopting/second-shop-money.sql", [
    [
      "adopted-dead-but-paid-twice",
      "when v_money.known or v_money.payments <= 1 then",
      "when v_money.known then",
      "the shop refunds the customer's only payment",
      DATABASE,
    ],
    [
      "adopted-alert-comes-back",
      "a.resolved_at is not null and a.details -> 'payments' @> p.refs",
      "false",
      "a closed alert opens with each repeated webhook",
      DATABASE,
    ],
  ]),
];
