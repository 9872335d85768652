/** What the clean-up's database functions answer (migrations/*_cleanup_*.sql), parsed at this edge. Built when first read: see contracts.ts. */
import { z } from "zod";
import type { StalePayment, SweepSlice } from "../payments.ts";

const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const count = z.int().nonnegative();
const kind = z.enum(["payment_intent", "checkout_session"]);

export const stalePayments: z.ZodType<StalePayment[]> = z.lazy(() =>
  z.array(z.strictObject({
    kind,
    stripeId: z.string().min(4),
    stripeAccount: z.string().nullable(),
    // Any UUID that PostgreSQL takes, not only those of RFC 9562.
    orderId: z.guid().nullable(),
    order: z.strictObject({
      status: z.enum(["pending", "expiring", "expired", "paid", "quarantined"]),
      amount: count,
      currency: z.string().length(3),
    }).nullable(),
    recordedState: z.enum(["open", "paid", "dead"]).nullable(),
    paidBy: z.array(kind),
    openSession: z.boolean(),
    listed: z.strictObject({ looks: count, ending: z.boolean() }).nullable(),
  }))
);

export const sweepSlice: z.ZodType<SweepSlice | null> = z.lazy(() =>
  z.strictObject({
    id: z.int().nullable(),
    createdFrom: instant,
    createdTo: instant,
    cursor: z.string().nullable(),
    reached: instant,
  }).nullable()
);

export const planAnswer = z.lazy(() => z.strictObject({ allowed: z.boolean() }));

export const settledPayments = z.lazy(() =>
  z.strictObject({
    outcomes: z.partialRecord(z.enum(["canceled", "found_dead", "found_paid", "late_payment", "kept"]), count),
  })
);
export type SettledPayments = z.infer<typeof settledPayments>;
