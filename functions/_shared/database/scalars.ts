/** Values that the answers of several database functions are made of. */
import { z } from "zod/mini";

/** Any UUID that PostgreSQL takes. `z.uuid()` takes only those of RFC 9562, and a shop's ids may be older, or made by hand. */
export const uuid = z.guid();
export const instant = z.pipe(z.iso.datetime({ offset: true }), z.transform((text) => new Date(text)));
export const count = z.int().check(z.nonnegative());
export const paymentKind = z.enum(["payment_intent", "checkout_session"]);
export const paymentState = z.enum(["open", "paid", "dead"]);
