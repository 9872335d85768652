import assert from "node:assert/strict";
import { checkOwnership, namedRef } from "../../../functions/_shared/rules/ownership.ts";
import type { ClaimedPayment } from "../../../functions/_shared/rules/orders.ts";
import { order, payment } from "./builders.ts";

const UUID = "3f2b8c1e-0d4a-4b6c-9e8f-a1b2c3d4e5f6";

type Row = [string, { metadata?: Record<string, string>; reference?: string | null; ref?: string }, {
  server: ReturnType<typeof checkOwnership>;
  client: ReturnType<typeof checkOwnership>;
}];
const OURS = { server: null, client: null };
const FOREIGN = { server: "foreign_payment", client: "foreign_payment" } as const;
const IF_ATTACHED = { server: null, client: "foreign_payment" } as const;

const rows: Row[] = [
  ["names this order", { metadata: { order_id: "o1" } }, OURS],
  ["names another order", { metadata: { order_id: "o2" } }, FOREIGN],
  ["names no order", { metadata: {} }, IF_ATTACHED],
  ["names an order under another key", { metadata: { order: "o1" } }, IF_ATTACHED],
  ["has an empty name", { metadata: { order_id: "" } }, IF_ATTACHED],
  ["has this order as its reference", { reference: "o1" }, OURS],
  ["has a customer as its reference", { reference: "customer_7" }, IF_ATTACHED],
  ["names another order and has this one as its reference", { metadata: { order_id: "o2" }, reference: "o1" }, FOREIGN],
  ["names this order and has a customer as its reference", { metadata: { order_id: "o1" }, reference: "c7" }, OURS],
  ["names a uuid in capitals", { metadata: { order_id: UUID.toUpperCase() }, ref: UUID }, OURS],
  ["names another text in capitals", { metadata: { order_id: "O1" } }, FOREIGN],
  ["names a longer text", { metadata: { order_id: "o1 " } }, FOREIGN],
  ["names an integer written otherwise", { metadata: { order_id: "0042" }, ref: "42" }, FOREIGN],
];

for (const [name, { metadata = {}, reference = null, ref = "o1" }, expected] of rows) {
  Deno.test(`a payment that ${name} is judged by who attached it`, () => {
    const check = (source: ClaimedPayment["source"]) =>
      checkOwnership({ livemode: false, metadata, client_reference_id: reference }, {
        order: order({ ref }),
        payment: payment({ source }),
        metadataKey: "order_id",
        livemode: false,
      });
    assert.deepEqual({ server: check("server"), client: check("client") }, expected);
    assert.equal(check("list"), expected.server);
  });
}

Deno.test("a payment of the other mode belongs to no order, whatever it names", () => {
  for (const livemode of [true, false]) {
    const known = { order: order(), payment: payment(), metadataKey: "order_id", livemode: !livemode };
    assert.equal(checkOwnership({ livemode, metadata: { order_id: "o1" } }, known), "wrong_mode");
  }
});

Deno.test("a payment in Stripe's list names an order by its metadata, else by the session's reference", () => {
  assert.equal(namedRef({ metadata: { shop_order: "7" }, client_reference_id: "8" }, "shop_order"), "7");
  assert.equal(namedRef({ metadata: {}, client_reference_id: "8" }, "shop_order"), "8");
  assert.equal(namedRef({ metadata: { toString: "" } }, "toString"), null);
  assert.equal(namedRef({ metadata: {} }, "constructor"), null);
});
