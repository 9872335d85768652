import assert from "node:assert/strict";
import { CallLog } from "../../local/stripe-simulator/call-log.ts";
import { refusal, withSimulator } from "./with-simulator.ts";

Deno.test("every call is logged with its endpoint, its fault and its effect", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{}]);
    const mark = control.mark();
    await stripe.paymentIntents.cancel(id!, {}, { idempotencyKey: "k1" });
    await refusal(stripe.paymentIntents.cancel(id!, {}, { idempotencyKey: "k2" }));
    const [done, refused] = control.calls({ since: mark });
    assert.deepEqual(
      [done!.endpoint, done!.objectId, done!.idempotencyKey, done!.status, done!.executed],
      ["payment_intents.cancel", id, "k1", 200, true],
    );
    assert.deepEqual([done!.statusBefore, done!.statusAfter], ["requires_payment_method", "canceled"]);
    assert.deepEqual([refused!.status, refused!.executed, refused!.reason], [
      400,
      false,
      "payment_intent_unexpected_state",
    ]);
    assert.ok(refused!.t > done!.t);
    assert.equal(control.countCalls({ executed: true }), 1);
  }));

Deno.test("the log of a cancel shows when the caller last saw the intent: alone, on a page or in its session", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [unseen, read, listed] = control.createPaymentIntents([{}, {}, {}]);
    const hold = { status: "complete", paymentStatus: "unpaid", intentStatus: "requires_capture" } as const;
    const [{ id: session, paymentIntent: ofSession }] = control.createCheckoutSessions([hold]) as [
      { id: string; paymentIntent: string },
    ];
    await stripe.paymentIntents.retrieve(read!);
    await control.customer({ id: read!, verb: "authorise" });
    await stripe.checkout.sessions.retrieve(session, { expand: ["payment_intent"] });
    const shown = async (id: string) => {
      await stripe.paymentIntents.cancel(id);
      const { statusShown, statusBefore } = control.calls({ objectId: id, endpoint: "payment_intents.cancel" })[0]!;
      return [statusShown, statusBefore];
    };
    assert.deepEqual(await shown(unseen!), [null, "requires_payment_method"]);
    assert.deepEqual(await shown(read!), ["requires_payment_method", "requires_capture"]);
    assert.deepEqual(await shown(ofSession), ["requires_capture", "requires_capture"]);
    await control.customer({ id: listed!, verb: "start_3ds" });
    await stripe.paymentIntents.list();
    assert.deepEqual(await shown(listed!), ["requires_action", "requires_action"]);
  }));

Deno.test("a call without a reply has no status, and names its fault", () =>
  withSimulator({}, async ({ stripe, control }) => {
    const [id] = control.createPaymentIntents([{}]);
    control.addFault({ kind: "execute_then_cut_body" });
    await refusal(stripe.paymentIntents.cancel(id!));
    control.clearFaults();
    control.addFault({ kind: "hang" });
    await refusal(stripe.paymentIntents.retrieve(id!, {}, { timeout: 80 }));
    const [cut, hung] = control.calls();
    assert.deepEqual([cut!.fault, cut!.executed], ["execute_then_cut_body", true]);
    assert.deepEqual([hung!.status, hung!.fault], [null, "hang"]);
  }));

Deno.test("the peak is the busiest second, wherever it begins", () => {
  const log = new CallLog();
  const arrivals: Array<[number, string]> = [[0, "a"], [600, "a"], [900, "b"], [1500, "a"], [1599, "b"], [1600, "a"], [
    2700,
    "a",
  ]];
  for (const [t, endpoint] of arrivals) {
    const entry = log.open({ method: "GET", path: "", idempotencyKey: null, atMs: 0 });
    Object.assign(entry, { t, endpoint });
  }
  assert.deepEqual(log.peaks(), { global: 4, a: 2, b: 2 });
  assert.equal(log.peak({ windowMs: 100 }), 2);
  assert.equal(log.peak({ since: 6 }), 1);
});

Deno.test("calls that were refused count as arrived", () =>
  withSimulator({}, async ({ stripe, control }) => {
    control.setLimits({ globalPerSecond: 2 });
    await Promise.allSettled(Array.from({ length: 5 }, () => stripe.paymentIntents.list()));
    assert.deepEqual(control.peaks(), { global: 5, "payment_intents.list": 5 });
  }));
