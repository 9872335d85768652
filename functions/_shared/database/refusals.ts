import { DatabaseError } from "../errors.ts";

/** The shop's adapter did not close orders as it was asked to. */
const SHOP_REFUSED = "LP002";

/**
 * Classes of SQLSTATE that say nothing about the rows a statement was for: connection (08), rights and sessions (25, 28, 3D, 42),
 * rolled-back transactions (40), resources, limits, locks, operators and the system (53 to 58), a lost lease or a missing adapter (LP),
 * the server's own faults (XX). PostgREST's own codes and statuses of HTTP are longer or shorter than five.
 */
const NOT_ABOUT_ROWS = /^(?:08|25|28|3D|40|42|5|LP|XX)/;

/**
 * Whether the database refused what a call wanted to write: a trigger, a constraint, a value out of range, the shop's adapter. The
 * same again would be refused again, and one row of the call is enough for that. A shop's triggers may raise codes of their own.
 */
export function isRefusal(error: unknown): error is DatabaseError {
  if (!(error instanceof DatabaseError) || error.code === null) return false;
  if (error.code === SHOP_REFUSED) return true;
  return /^[0-9A-Z]{5}$/.test(error.code) && !NOT_ABOUT_ROWS.test(error.code);
}

/** Whether the database gave up: a lock was not to be had, or the statement took longer than the API allows. Nothing was written. */
export function isTimeout(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && (error.code === "55P03" || error.code === "57014");
}
