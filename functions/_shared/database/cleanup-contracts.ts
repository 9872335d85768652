/** What the clean-up's database functions answer (migrations/*_cleanup_*.sql), parsed at this edge. Built when first read: see contracts.ts. */
import { z } from "zod/mini";
import type { Payer, StalePayment, SweepSlice } from "../payments.ts";
import { count, instant, paymentKind, paymentState, uuid } from "./scalars.ts";

/** Databases before 20261128130000, and ports written before it, tell the kind alone. */
const payer: z.ZodMiniType<Payer> = z.lazy(() =>
  z.union([
    z.strictObject({ kind: paymentKind, stripeId: z.nullable(z.string()), intent: z.nullable(z.string()) }),
    z.pipe(paymentKind, z.transform((kind) => ({ kind, stripeId: null, intent: null }))),
  ])
);

export const stalePayments: z.ZodMiniType<StalePayment[]> = z.lazy(() =>
  z.array(z.strictObject({
    kind: paymentKind,
    stripeId: z.string().check(z.minLength(4)),
    stripeAccount: z.nullable(z.string()),
    orderId: z.nullable(uuid),
    order: z.nullable(z.strictObject({
      status: z.enum(["pending", "expiring", "expired", "paid", "quarantined"]),
      amount: count,
      currency: z.string().check(z.length(3)),
    })),
    recordedState: z.nullable(paymentState),
    paidBy: z.array(payer),
    openSession: z.boolean(),
    listed: z.nullable(z.strictObject({ looks: count, ending: z.boolean() })),
  }))
);

export const sweepSlice: z.ZodMiniType<SweepSlice | null> = z.lazy(() =>
  z.nullable(z.strictObject({
    id: z.nullable(z.int()),
    createdFrom: instant,
    createdTo: instant,
    cursor: z.nullable(z.string()),
    reached: instant,
  }))
);

export const planAnswer = z.lazy(() => z.strictObject({ allowed: z.boolean() }));

export const settledPayments = z.lazy(() =>
  z.strictObject({
    outcomes: z.partialRecord(z.enum(["canceled", "found_dead", "found_paid", "late_payment", "kept"]), count),
  })
);
export type SettledPayments = z.infer<typeof settledPayments>;
