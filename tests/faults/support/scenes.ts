import assert from "node:assert/strict";
import { assertQuiet } from "../../oracle/quiet.ts";
import { type Bench, type JobName, ON_HAND } from "./bench.ts";
import { isLong } from "./length.ts";
import { nextTick, tickUntilQuiet } from "./scheduler.ts";
import { createAtStripe, everyKind, markPaid, placeOrder, statusOf } from "./shop.ts";
import { DAY, MINUTE } from "./time.ts";

/** Work for one job, in which every way through its program occurs. */
export type Scene = {
  job: JobName;
  /** Makes the work. The answer lets the shop come to rest and holds it against what has to be. */
  open(bench: Bench): Promise<{ comeToRest(): Promise<void> }>;
};

/** The bounded version leaves out kinds that take the same way through the program as another one. */
const SAME_WAY = [
  "canceled at Stripe already",
  "held, not captured",
  "voucher",
  "intent paid, webhook lost",
  "never paid",
  "one processing, one open",
];

const expire: Scene = {
  job: "expire-stale-orders",
  async open(bench) {
    const kinds = everyKind(bench.time.now().getTime()).filter(({ name }) => isLong || !SAME_WAY.includes(name));
    const opened: { name: string; becomes: string; id: string }[] = [];
    for (const kind of kinds) opened.push({ ...kind, id: (await placeOrder(bench, kind)).id });
    return {
      // One tick after the lease nothing is claimed and every run has ended; soon after that every order is where it has to be.
      async comeToRest() {
        await nextTick(bench);
        await assertQuiet({ ...bench, onHand: ON_HAND });
        await tickUntilQuiet(bench, { withinMs: 15 * MINUTE, most: 6 });
        for (const { name, becomes, id } of opened) assert.equal(await statusOf(bench, id), becomes, name);
        await assertQuiet({ ...bench, onHand: ON_HAND });
      },
    };
  },
};

const cleanup: Scene = {
  job: "cleanup-stale-payment-intents",
  async open(bench) {
    const { sql, stripe, time } = bench;
    const old = Math.floor((time.now().getTime() - 10 * DAY) / 1_000);
    const intent = { created: old };
    const paid = await placeOrder(bench, { payments: [{ intent }, { intent }, { session: { status: "open" } }] });
    await stripe.customer({ id: paid.payments[0]!, verb: "confirm_ok" });
    await markPaid(bench, paid.id, { stripeId: paid.payments[0]! });
    const open = await placeOrder(bench, { payments: [], placedMinutesAgo: 1 });
    const nobody = crypto.randomUUID();
    const ended = [
      ...paid.payments.slice(1),
      createAtStripe(bench, paid.id, { intent }),
      createAtStripe(bench, nobody, { intent: { ...intent, status: "requires_confirmation" } }),
    ];
    const late = createAtStripe(bench, nobody, { intent: { ...intent, status: "succeeded" } });
    const spared = [
      createAtStripe(bench, nobody, { intent: { ...intent, status: "processing" } }),
      createAtStripe(bench, open.id, { intent }),
      ...stripe.createPaymentIntents([{ count: 2, created: old, metadata: {} }]),
    ];
    const before = new Map(spared.map((id) => [id, stripe.paymentIntent({ id }).status]));
    return {
      async comeToRest() {
        await nextTick(bench, { job: "cleanup-stale-payment-intents" });
        await nextTick(bench, { job: "cleanup-stale-payment-intents" });
        await assertQuiet({ ...bench, onHand: ON_HAND });
        const posts = stripe.calls({ executed: true }).filter(({ method }) => method === "POST");
        assert.deepEqual(posts.map(({ objectId }) => objectId).sort(), [...ended].sort(), "ended at Stripe, once each");
        for (const [id, status] of before) assert.equal(stripe.paymentIntent({ id }).status, status);
        const decided = await sql<{ outcome: string; ids: string[] }[]>`
          select outcome, array_agg(stripe_id order by stripe_id) as ids from public.job_decisions
          where outcome in ('canceled', 'found_dead', 'late_payment') group by outcome order by outcome`;
        assert.deepEqual(
          decided.map(({ outcome, ids }) => [outcome, ids]),
          [["canceled", [...ended].sort()], ["late_payment", [late]]],
          "counted once each",
        );
      },
    };
  },
};

export const SCENES: Scene[] = [expire, cleanup];
