/** What functions and database exchange about Stripe's lists. Schemas are built at their first use. */
import { z } from "zod/mini";
import { count, instant } from "../parsing.ts";

/**
 * How far one of Stripe's lists was read. `account`: a connected account, or empty for the platform's own. `proven`: a recently listed
 * payment named an order of this shop, so the key is the shop's.
 */
export type ListCursor = { account: string; list: StripeList; readTo: Date; proven: boolean };
export type StripeList = "payment_intents" | "checkout_sessions";

/** All payments of one list that name an order and were created in [from, to). */
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
