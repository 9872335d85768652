/** What the database answers about orders: claims, closed batches, settlements. Schemas are built at their first use. */
import * as z from "zod/mini";
import { count, instant, issueOf, WITHOUT_COMPILING } from "../parsing.ts";
import type { ClaimedOrder } from "../rules/orders.ts";
import { pace } from "./runs.ts";

/**
 * A claim, or what a dry run reads instead. `unreadable`: orders of which only `ref` and `attempt` could be read, which suffices to settle
 * them. `issue`: what is wrong, without the value.
 */
export type Claim = { orders: ClaimedOrder[]; unreadable: { ref: string; attempt: number; issue: string }[] };

const ref = z.string().check(z.minLength(1));

export const claimedOrder: z.ZodMiniType<ClaimedOrder> = z.lazy(() =>
  z.object({
    ref,
    status: z.enum(["open", "paid", "expired", "quarantined", "unknown"]),
    attempt: count,
    amount: z.nullable(count),
    currency: z.nullable(z.string().check(z.length(3))),
    account: z.string(),
    method: z.nullable(z.string()),
    placedAt: instant,
    deadline: instant,
    graceUntil: z.nullable(instant),
    shopState: z.nullable(z.enum(["paid", "closed", "gone"])),
    payments: z.array(z.object({
      stripeId: z.string().check(z.minLength(4)),
      kind: z.enum(["payment_intent", "checkout_session"]),
      account: z.string(),
      state: z.enum(["open", "paid", "dead"]),
      source: z.enum(["server", "client", "list"]),
      reason: z.nullable(z.string()),
      receivedAmount: z.nullable(count),
      intent: z.nullable(z.string()),
      attachedAt: instant,
    })),
  })
);

const identity = z.lazy(() => z.object({ ref, attempt: count }));

/**
 * Parses orders one by one, so that a row that cannot be read fails that order alone. Otherwise the claims of all
 * others would lapse with it, again and again, until each of them was quarantined.
 */
export const claimedOrders: z.ZodMiniType<Claim> = z.lazy(() =>
  z.pipe(
    z.array(z.unknown()),
    z.transform((rows, { issues }) => {
      const claim: Claim = { orders: [], unreadable: [] };
      for (const [index, row] of rows.entries()) {
        const order = z.safeParse(claimedOrder, row, WITHOUT_COMPILING);
        if (order.success) {
          claim.orders.push(order.data);
          continue;
        }
        const known = z.safeParse(identity, row, WITHOUT_COMPILING);
        if (known.success) claim.unreadable.push({ ...known.data, issue: issueOf(order.error) });
        // Without these two nothing can be settled.
        else issues.push({ code: "custom", path: [index], message: issueOf(known.error), input: row });
      }
      return claim;
    }),
  )
);

/** Units by ref. */
export const previewUnits = z.lazy(() => z.record(z.string(), count));

/** `moved`: how many orders the statement closed, quarantined, followed or put off; 0 means that none is left. */
export const closedOrders = z.lazy(() => z.object({ expired: count, unitsReleased: count, moved: count }));

/** How many orders had which outcome. `superseded`: orders that others have decided. */
export const settledOrders = z.lazy(() =>
  z.object({
    outcomes: z.record(z.string(), count),
    superseded: count,
    ...pace,
  })
);
export type SettledOrders = z.infer<typeof settledOrders>;
