import assert from "node:assert/strict";
import { assertAtRest } from "../../oracle/at-rest.ts";
import type { IntentSpec } from "../../../local/stripe-simulator/specs.ts";
import { type Bench, type JobName, ON_HAND } from "./bench.ts";
import { happen, happening } from "./happenings.ts";
import { isLong } from "./length.ts";
import { nextTick, tickUntilQuiet } from "./scheduler.ts";
import { createAtStripe, everyKind, type Kind, markPaid, type Placed, placeOrder, statusOf } from "./shop.ts";
import { DAY, MINUTE, SECOND } from "./time.ts";
import type { AtStep, Step } from "./wire.ts";

/** Work for one job; in all scenes together every way through its program occurs. */
export type Scene = {
  name: string;
  job: JobName;
  /** What happens at every step of the runs of a tick, in addition to faults. */
  always?: (bench: Bench) => AtStep;
  /** The steps that no other scene has; left out, all. */
  plays?: (step: Step) => boolean;
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
  name: "expire-stale-orders",
  job: "expire-stale-orders",
  async open(bench) {
    const kinds = everyKind(bench.time.now().getTime()).filter(({ name }) => isLong || !SAME_WAY.includes(name));
    return { comeToRest: await placeEach(bench, kinds) };
  },
};

/** Each claim takes half of the time in which a run claims: it ends `partial` after two, and another run continues. */
const outOfTime: Scene = {
  name: "expire-stale-orders out of time",
  job: "expire-stale-orders",
  plays: ({ name }) => isLong || ["lapse_finish_run", "lapse_continue_run"].includes(name),
  always: ({ sql, time }) => async (step, take) => {
    if (step.name === "lapse_claim_orders") {
      const [row] = await sql<{ seconds: number }[]>`select claim_seconds as seconds from lapse.settings`;
      time.advance(row!.seconds / 2 * SECOND);
    }
    return await take();
  },
  async open(bench) {
    await bench.sql`update lapse.settings set claim_batch = 1`;
    const kinds = everyKind(bench.time.now().getTime());
    const unpaid = kinds.filter(({ name }) =>
      ["never paid", "canceled at Stripe already", "session still open"].includes(name)
    );
    return { comeToRest: await placeEach(bench, unpaid) };
  },
};

/** Places an order of each kind; the answer sees to it that all of them end where they have to. */
async function placeEach(bench: Bench, kinds: Kind[]): Promise<() => Promise<void>> {
  const opened: (Pick<Kind, "name" | "becomes"> & Placed)[] = [];
  for (const [n, kind] of kinds.entries()) {
    // A little apart, so that they are claimed in the same order each time.
    const placedMinutesAgo = 60 + (kinds.length - n) * 10 / MINUTE;
    const { name, becomes } = kind;
    opened.push({ name, becomes, ...await placeOrder(bench, { ...kind, placedMinutesAgo }) });
  }
  // One tick after the lease nothing is claimed and every run has ended; soon after that every order is where it has to be.
  return async () => {
    await nextTick(bench);
    await assertAtRest({ ...bench, onHand: ON_HAND });
    await tickUntilQuiet(bench, { withinMs: 15 * MINUTE, most: 6 });
    for (const { name, becomes, id, payments } of opened) {
      const status = await statusOf(bench, id);
      assert.equal(status, becomes, `6: the order "${name}" has to become ${becomes} and is ${status}`);
      for (const payment of status === "expired" ? payments : []) assertDead(bench, payment, name);
    }
    await assertAtRest({ ...bench, onHand: ON_HAND });
  };
}

const cleanup: Scene = {
  name: "cleanup-stale-payment-intents",
  job: "cleanup-stale-payment-intents",
  async open(bench) {
    const { sql, stripe, time } = bench;
    const old = new Date(time.now().getTime() - 10 * DAY);
    const create = (ref: string, intent: IntentSpec = {}) => createAtStripe(bench, ref, { intent }, old);
    const placedMinutesAgo = 11 * DAY / MINUTE;
    const paid = await placeOrder(bench, {
      payments: [{ intent: {} }, { intent: {} }, { session: { status: "open" } }],
      placedMinutesAgo,
    });
    await stripe.customer({ id: paid.payments[0]!, verb: "confirm_ok" });
    await markPaid(bench, paid.id, { stripeId: paid.payments[0]! });
    // The list is read from here on.
    const expiresAt = new Date(time.now().getTime() + 30 * DAY);
    const open = await placeOrder(bench, { payments: [], placedMinutesAgo, expiresAt });
    const nobody = crypto.randomUUID();
    const canceled = [
      ...paid.payments.slice(1),
      create(paid.id),
      create(crypto.randomUUID(), { status: "requires_confirmation" }),
    ];
    const late = create(nobody, { status: "succeeded" });
    const spared = [
      create(crypto.randomUUID(), { status: "processing" }),
      create(open.id),
      ...stripe.createPaymentIntents([{ count: 2, created: Math.floor(old.getTime() / 1_000), metadata: {} }]),
    ];
    const before = new Map(spared.map((id) => [id, stripe.paymentIntent({ id }).status]));
    return {
      async comeToRest() {
        await nextTick(bench, { job: "cleanup-stale-payment-intents" });
        await nextTick(bench, { job: "cleanup-stale-payment-intents" });
        await assertAtRest({ ...bench, onHand: ON_HAND });
        const posts = stripe.calls({ executed: true }).filter(({ method }) => method === "POST");
        assertSame(
          posts.map(({ objectId }) => objectId).sort(),
          [...canceled].sort(),
          "6: stale payments are cancelled, once each",
        );
        for (const [id, status] of before) {
          const now = stripe.paymentIntent({ id }).status;
          assert.equal(now, status, `1: ${id} is ${now} and had to be left alone as ${status}`);
        }
        // What was cancelled by a run that died before it could say so is found dead by the next.
        const decided = await sql<{ outcome: string; ids: string[] }[]>`
          select case outcome when 'found_dead' then 'canceled' else outcome end as outcome, array_agg(stripe_id order by stripe_id) as ids
          from lapse.decisions where outcome in ('canceled', 'found_dead', 'late_payment') group by 1 order by 1`;
        assertSame(
          decided.map(({ outcome, ids }) => [outcome, ids]),
          [["canceled", [...canceled].sort()], ["late_payment", [late]]],
          "4: what was done is decided and counted, once each",
        );
      },
    };
  },
};

/** According to Stripe, not to the evidence in the database: no payment may still be payable. */
function assertDead({ stripe }: Bench, id: string, name: string): void {
  const status = id.startsWith("cs_") ? stripe.checkoutSession({ id }).status : stripe.paymentIntent({ id }).status;
  assert.ok(
    status === "canceled" || status === "expired",
    `3: the order "${name}" is expired and its payment ${id} is ${status} at Stripe`,
  );
}

/** With a message of one's own, deepEqual does not tell what differs. */
function assertSame(actual: unknown, expected: unknown, promise: string): void {
  assert.deepEqual(
    actual,
    expected,
    `${promise}; it is ${JSON.stringify(actual)} and has to be ${JSON.stringify(expected)}`,
  );
}

/** Refunds of late payments, whose articles others hold by now, beside an order that is due. */
const refunds: Scene = {
  name: "expire-stale-orders with refunds",
  job: "expire-stale-orders",
  plays: ({ name }) => isLong || /refund|payment_intents\/|sessions\/cs_/.test(name),
  async open(bench) {
    const { sql, stripe } = bench;
    await sql`update lapse.settings set late_payments = 'revive_or_refund'`;
    const expired: string[] = [];
    for (let n = 0; n < 2; n++) {
      const { id } = await placeOrder(bench, { payments: [], sku: "last" });
      await nextTick(bench);
      expired.push(id);
    }
    const expiresAt = new Date(bench.time.now().getTime() + 30 * DAY);
    await placeOrder(bench, { payments: [], sku: "last", expiresAt });
    const late: string[] = [];
    for (const [n, type] of ["payment_intent.succeeded", "checkout.session.completed"].entries()) {
      const { stripeId, last } = await happen(bench, expired[n]!, happening(type), { attached: false });
      assert.equal((await bench.deliver(last)).code, "late_payment");
      late.push(stripeId);
    }
    const due = await placeOrder(bench, { payments: [{ intent: {} }] });
    return {
      async comeToRest() {
        await nextTick(bench);
        await tickUntilQuiet(bench, { withinMs: 2 * DAY, most: 12 });
        assert.equal(await statusOf(bench, due.id), "expired", "6: a refund holds up no order");
        const [row] = await sql`select count(*)::int as n from lapse.refunds where status = 'succeeded'`;
        const intents = [late[0], stripe.checkoutSession({ id: late[1]! }).payment_intent];
        const given = stripe.refunds().map(({ payment_intent, amount }) => [payment_intent, amount]).sort();
        assertSame(given, intents.map((intent) => [intent, 2000]).sort(), "1: late money goes back, once");
        assert.equal(row!.n, 2, "1: every refund is recorded");
        await assertAtRest({ ...bench, onHand: ON_HAND });
      },
    };
  },
};

export const SCENES: Scene[] = [expire, outOfTime, cleanup, refunds];
