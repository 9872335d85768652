/** What the clean-up's database functions answer (migrations/*_cleanup_*.sql), parsed at this edge. Built when first read: see contracts.ts. */
import { z } from "zod/mini";
import type { StalePayment, SweepSlice } from "../payments.ts";

const instant = z.pipe(z.iso.datetime({ offset: true }), z.transform((text) => new Date(text)));
const count = z.int().check(z.nonnegative());
const kind = z.enum(["payment_intent", "checkout_session"]);

export const stalePayments: z.ZodMiniType<StalePayment[]> = z.lazy(() =>
  z.array(z.strictObject({
    kind,
    stripeId: z.string().check(z.minLength(4)),
    stripeAccount: z.nullable(z.string()),
    // Any UUID that PostgreSQL takes, not only those of RFC 9562.
    orderId: z.nullable(z.guid()),
    order: z.nullable(z.strictObject({
      status: z.enum(["pending", "expiring", "expired", "paid", "quarantined"]),
      amount: count,
      currency: z.string().check(z.length(3)),
    })),
    recordedState: z.nullable(z.enum(["open", "paid", "dead"])),
    paidBy: z.array(kind),
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
