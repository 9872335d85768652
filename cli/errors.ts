/** The thing asked for is known and cannot be done as it stands: exit code 1. */
export class RefusedError extends Error {
  override name = "RefusedError";
}

/** The caller wrote something that cannot be meant: exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** The project cannot be reached, or does not have what is needed: exit code 3. */
export class UnreachableError extends Error {
  override name = "UnreachableError";
}

/** The project lacks a table or function: not all migrations are applied. */
export class MissingError extends UnreachableError {
  override name = "MissingError";
}

/** These credentials do not allow it: exit code 3. */
export class NotAllowedError extends Error {
  override name = "NotAllowedError";
}

/** What a script sees of an error. A fault of the command itself counts as "cannot say how the project is". */
export function describeError(error: unknown): { exitCode: 1 | 2 | 3; code: string; message: string } {
  if (error instanceof RefusedError) return { exitCode: 1, code: "refused", message: error.message };
  if (error instanceof UsageError) return { exitCode: 2, code: "usage", message: error.message };
  if (error instanceof NotAllowedError) return { exitCode: 3, code: "not_allowed", message: error.message };
  if (error instanceof UnreachableError) return { exitCode: 3, code: "unreachable", message: error.message };
  return {
    exitCode: 3,
    code: "internal",
    message: error instanceof Error ? `${error.name}: ${error.message}` : `${error}`,
  };
}
