import type { Bench } from "./bench.ts";
import { accepted, type OrderModel, type PaymentModel } from "./model.ts";
import { tick } from "./scheduler.ts";
import { attach, createAtStripe, markPaid } from "./shop.ts";

/** An action of another party while a run works. Reports its result to the model. */
export type Act = {
  /** The kind of payment it is about; null: none in particular. */
  needs: "intent" | "session" | null;
  /** About a payment that is yet to be attached. */
  attaches?: boolean;
  perform(bench: Bench, order: OrderModel): Promise<void>;
};

export const PAYS = "the customer pays, the webhook is lost";
export const WEBHOOK = "the webhook arrives";

export const ACTS: Record<string, Act> = {
  [PAYS]: { needs: "intent", perform: (bench, order) => customer(bench, intentOf(order), "confirm_ok") },
  [WEBHOOK]: {
    needs: "intent",
    async perform(bench, order) {
      const payment = intentOf(order);
      if (payment.fate === "paid") await markPaid(bench, order.id, payment);
    },
  },
  "the customer pays, the webhook arrives at once": {
    needs: "intent",
    async perform(bench, order) {
      const payment = intentOf(order);
      await customer(bench, payment, "confirm_ok");
      if (payment.fate === "paid") await markPaid(bench, order.id, payment);
    },
  },
  "the customer begins 3-D Secure": {
    needs: "intent",
    perform: (bench, order) => customer(bench, intentOf(order), "start_3ds"),
  },
  "the customer finishes 3-D Secure": {
    needs: "intent",
    async perform(bench, order) {
      await customer(bench, intentOf(order), "start_3ds");
      await customer(bench, intentOf(order), "finish_3ds");
    },
  },
  "the card is declined": { needs: "intent", perform: (bench, order) => customer(bench, intentOf(order), "decline") },
  "the card is authorised, for the shop to capture": {
    needs: "intent",
    perform: (bench, order) => customer(bench, intentOf(order), "authorise"),
  },
  "a bank debit is submitted": {
    needs: "intent",
    perform: (bench, order) => customer(bench, intentOf(order), "async_submit"),
  },
  "a bank debit is submitted and settles": {
    needs: "intent",
    async perform(bench, order) {
      await customer(bench, intentOf(order), "async_submit");
      await customer(bench, intentOf(order), "async_settle");
    },
  },
  "the customer pays on the hosted page": {
    needs: "session",
    perform: (bench, order) => customer(bench, sessionOf(order), "confirm_session"),
  },
  "the checkout attaches another payment": {
    needs: null,
    attaches: true,
    perform: (bench, order) => attachAnother(bench, order).then(() => {}),
  },
  "the checkout attaches another payment and the customer pays it": {
    needs: null,
    attaches: true,
    async perform(bench, order) {
      const payment = await attachAnother(bench, order);
      if (payment.attached) await customer(bench, payment, "confirm_ok");
    },
  },
  "an operator starts a run of his own": {
    needs: null,
    perform: (bench) => bench.run({ run: { trigger: "operator" } }).then(() => {}),
  },
  "the weekly clean-up runs": {
    needs: null,
    perform: (bench) => tick(bench, { job: "cleanup-stale-payment-intents" }).then(() => {}),
  },
};

async function customer({ stripe }: Bench, payment: PaymentModel, verb: string): Promise<void> {
  const { accepted: taken } = await stripe.customer({ id: payment.stripeId, verb: verb as "confirm_ok" });
  if (taken) accepted(payment, verb);
}

/** As the guide tells the checkout to: attach first, then give the secret to the customer. If the attachment is refused, the customer does not get it. */
async function attachAnother(bench: Bench, order: OrderModel): Promise<PaymentModel> {
  const stripeId = createAtStripe(bench, order.id, { intent: {} });
  const payment: PaymentModel = { stripeId, attached: false, fate: "open" };
  try {
    await attach(bench, order.id, { stripeId });
    payment.attached = true;
    order.payments.push(payment);
  } catch (error) {
    if ((error as { code?: string }).code !== "PT409") throw error;
  }
  return payment;
}

function intentOf({ payments }: OrderModel): PaymentModel {
  return payments.find(({ stripeId }) => stripeId.startsWith("pi_"))!;
}

function sessionOf({ payments }: OrderModel): PaymentModel {
  return payments.find(({ stripeId }) => stripeId.startsWith("cs_"))!;
}
