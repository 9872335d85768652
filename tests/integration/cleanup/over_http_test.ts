import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { type Shop, withShop } from "../support.ts";

const TEN_DAYS = 10 * 86_400;

Deno.test("the deployed function ends, finds and reports, and operators read it over REST", async () => {
  await withShop({ users: true }, async (shop) => {
    const now = Math.floor(Date.now() / 1_000);
    const created = now - TEN_DAYS;
    const stale = crypto.randomUUID();
    // Too young for the sweep, and the proof that the account is the shop's; a list up to now leaves this very second out.
    await shop.addIntent(await shop.placeOrder(), { created: now - 60 });
    const [intent, late] = shop.stripe.createPaymentIntents([
      { metadata: { order_id: stale }, created },
      { metadata: { order_id: crypto.randomUUID() }, created, status: "succeeded" },
    ]);

    const dry = await clean(shop, { dryRun: true });
    assert.deepEqual(
      dry.decisions.map(({ outcome, reason }: { outcome: string; reason: string }) => `${outcome} ${reason}`).sort(),
      ["kept would_cancel", "late_payment order_absent"],
    );
    const real = await clean(shop, {});
    assert.deepEqual([real.status, real.paymentIntentsCanceled, real.latePayments], ["succeeded", 1, 1]);
    assert.equal(shop.stripe.paymentIntent({ id: intent! }).status, "canceled");

    const operator = createClient(shop.stack.apiUrl, shop.stack.publishableKey, { auth: { persistSession: false } });
    await operator.auth.signInWithPassword(shop.stack.operator!);
    const { data: sweeps } = await operator.from("job_sweeps").select("payments_seen, time_left, finished_at");
    assert.deepEqual(sweeps!.map(({ payments_seen, time_left }) => [payments_seen, time_left]), [[2, "00:00:00"]]);
    const { data: alerts } = await operator.from("job_alerts").select("code, details");
    assert.deepEqual(alerts!.map(({ code, details }) => [code, details.amount, details.currency, details.payments]), [
      ["L014", 2000, "eur", [late]],
    ]);
    assert.equal((await clean(shop, {})).stripeCalls, 0);
  });
});

async function clean({ post, stack }: Shop, body: Record<string, unknown>) {
  const options = { name: "cleanup-stale-payment-intents", headers: { apikey: stack.secretKey } };
  const response = await post({ wait: true, ...body }, options);
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer;
}
