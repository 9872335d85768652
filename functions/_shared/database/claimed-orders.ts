import { z } from "zod/mini";
import type { ClaimedOrder } from "../orders.ts";
import { WITHOUT_COMPILING } from "../parsing.ts";
import { count, instant, paymentKind, paymentState, uuid } from "./scalars.ts";

/** A claim, or what a dry run reads instead. */
export type Claim = { orders: ClaimedOrder[]; unreadable: UnreadableOrder[] };

/** An order of which no more could be read than what settling it takes. `issue`: what is wrong, without the value. */
export type UnreadableOrder = { id: string; attempt: number; issue: string };

/** What the run has no use for passes unread: `failures` is the database's, `expiresAt` the operator's. */
const claimedOrder: z.ZodMiniType<ClaimedOrder> = z.lazy(() =>
  z.object({
    id: uuid,
    attempt: count,
    amount: count,
    currency: z.string().check(z.length(3)),
    payments: z.array(z.strictObject({
      id: uuid,
      kind: paymentKind,
      stripeId: z.string().check(z.minLength(4)),
      stripeAccount: z.nullable(z.string()),
      state: paymentState,
      graceUntil: z.nullable(instant),
      createdAt: instant,
    })),
  })
);

const identity = z.lazy(() => z.object({ id: uuid, attempt: count }));

/**
 * Orders are read one by one: a row that a shop wrote and nobody can read is that order's failure. Were it the whole answer's, the
 * claims of all others would lapse with it, time after time, until each of them is set aside.
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

function issueOf({ issues: [issue] }: z.core.$ZodError): string {
  return `${issue?.path.join(".") || "its root"}: ${issue?.message}`;
}
