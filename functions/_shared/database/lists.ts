/** What functions and database tell each other about Stripe's lists. Schemas are built when they are first used. */
import { z } from "zod/mini";
import { count, instant } from "../parsing.ts";

/**
 * How far one of Stripe's lists was read. `account`: a connected account, or empty for the platform's own. `proven`: a payment in it named
 * an order of this shop not long ago, so the key is the shop's.
 */
export type ListCursor = { account: string; list: StripeList; readTo: Date; proven: boolean };
export type StripeList = "payment_intents" | "checkout_sessions";

/** All payments of one list that were created from `from` up to and without `to` and name an order. */
export type ListedWindow = { from: Date; to: Date; payments: ListedPayment[] };

/** `ref`: the order that the payment names. */
export type ListedPayment = { stripeId: string; ref: string; createdAt: Date; status: string };

export const listCursors: z.ZodMiniType<ListCursor[]> = z.lazy(() =>
  z.array(z.object({
    account: z.string(),
    list: z.enum(["payment_intents", "checkout_sessions"]),
    readTo: instant,
    proven: z.boolean(),
  }))
);

export const recordedWindow = z.lazy(() => z.object({ readTo: instant, recorded: count, proven: z.boolean() }));
