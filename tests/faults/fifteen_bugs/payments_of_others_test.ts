// The bug by which shops ended payments in the wrong way. The numbers are those of the research.

import assert from "node:assert/strict";
import { tick, tickUntilQuiet } from "../support/scheduler.ts";
import { attach, createAtStripe, placeOrder, statusOf } from "../support/shop.ts";
import { MINUTE } from "../support/time.ts";
import { onBench } from "./bug.ts";

Deno.test(
  "bug 13, the wrong call to cancel: each status and owner gets the right one, also after a 500 that Stripe saved",
  onBench(async (bench) => {
    const statuses = [
      "requires_payment_method",
      "requires_confirmation",
      "requires_action",
      "canceled",
      "succeeded",
      "processing",
    ];
    const wanted: [string, string][] = [];
    for (const status of statuses) {
      const settled = { succeeded: "paid", processing: "pending" }[status] ?? "expired";
      wanted.push([(await placeOrder(bench, { payments: [{ intent: { status } }] })).id, settled]);
      if (status === "canceled" || status === "succeeded" || status === "processing") continue;
      const session = await placeOrder(bench, { payments: [{ session: { status: "open", intentStatus: status } }] });
      wanted.push([session.id, "expired"]);
      // The shop recorded the session's intent instead of the session.
      const through = await placeOrder(bench, { payments: [] });
      const made = createAtStripe(bench, through.id, { session: { status: "open", intentStatus: status } });
      const intent = bench.stripe.checkoutSession({ id: made }).payment_intent as string;
      await attach(bench, through.id, { stripeId: intent });
      wanted.push([through.id, "expired"]);
    }
    for (const endpoint of ["payment_intents.cancel", "checkout.sessions.expire"] as const) {
      bench.stripe.addFault({ kind: "error_500", saved: true, endpoint, times: 6 });
    }
    await tick(bench);
    await tickUntilQuiet(bench, { withinMs: 30 * MINUTE, most: 20 });
    for (const [id, status] of wanted) assert.equal(await statusOf(bench, id), status);
    const executed = bench.stripe.calls({ endpoint: "payment_intents.cancel", executed: true });
    assert.deepEqual(
      executed.filter(({ statusBefore }) => !statusBefore!.startsWith("requires_")),
      [],
      "final and processing ones are left alone",
    );
  }),
);
