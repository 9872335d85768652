/** A setting that is missing or wrong. Its message names the setting and never its value. */
export class ConfigurationError extends Error {
  override name = "ConfigurationError";
}

/** The database refused a call, or its answer does not follow the contract. */
export class DatabaseError extends Error {
  override name = "DatabaseError";
  /** SQLSTATE, or PostgREST's own code; null when there was no answer at all. */
  readonly code: string | null;

  constructor(message: string, options: { code: string | null; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.code = options.code;
  }
}

/** Another run took over, so this run may write nothing more. */
export class LeaseLostError extends DatabaseError {
  override name = "LeaseLostError";
}

/** Whether an error on one order concerns the whole run, because every other order would fail in the same way. */
export function concernsTheRun(error: unknown): boolean {
  return error instanceof DatabaseError || error instanceof ConfigurationError;
}

/** The one-line reason of any thrown value, fit for a run's row and for an operator. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** The shop's adapter did not close orders as it was asked to. */
const SHOP_REFUSED = "LP002";

/**
 * Classes of SQLSTATE that say nothing about the rows of a statement: connection (08), privileges and sessions (25, 28, 3D, 42),
 * rolled-back transactions (40), resources, limits, locks, operators and the system (53 to 58), a lost lease or a missing adapter (LP),
 * the server's own faults (XX). PostgREST's own codes and HTTP statuses do not have five characters.
 */
const NOT_ABOUT_ROWS = /^(?:08|25|28|3D|40|42|5|LP|XX)/;

/**
 * Whether the database refused what a call wanted to write: a trigger, a constraint, a value out of range, the shop's adapter. The
 * same call would be refused again, and one row is enough to cause that. A shop's triggers may raise codes of their own.
 */
export function isRefusal(error: unknown): error is DatabaseError {
  if (!(error instanceof DatabaseError) || error.code === null) return false;
  if (error.code === SHOP_REFUSED) return true;
  return /^[0-9A-Z]{5}$/.test(error.code) && !NOT_ABOUT_ROWS.test(error.code);
}

/** Whether the database gave up: it did not get a lock, or the statement took longer than the API allows. Nothing was written. */
export function isTimeout(error: unknown): error is DatabaseError {
  return isLockTimeout(error) || (error instanceof DatabaseError && error.code === "57014");
}

/** Whether the database gave up waiting for a lock, after 200 ms. */
export function isLockTimeout(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.code === "55P03";
}
