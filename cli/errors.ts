import type { Target } from "./target.ts";

/** Known, and refused as things stand: exit code 1. */
export class RefusedError extends Error {
  override name = "RefusedError";
}

/** The command was written wrongly: exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** The project cannot be reached, or lacks what is needed: exit code 3. */
export class UnreachableError extends Error {
  override name = "UnreachableError";
}

/** The project lacks a view or function, because not all migrations are applied. */
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
  const message = error instanceof Error ? `${error.name}: ${error.message}` : `${error}`;
  return { exitCode: 3, code: "internal", message };
}

/** What the REST API answered instead of rows. `status` 0: it did not answer at all. */
export type Refusal = { code: string | null; message: string; status: number };

/** Turns PostgREST's codes, and those that Lapse's functions raise (PT404, PT409, 22023), into what they mean to an operator. */
export function refusalOf({ code, message, status }: Refusal, target: Target): Error {
  const said = message.slice(0, 500);
  if (status === 0) return unreachable(said, target);
  if (code === "PT404" || code === "PT409" || code?.startsWith("LP")) return new RefusedError(said);
  if (code === "22023" || code === "22P02") return new UsageError(said);
  if (code === "42501" || code === "PGRST301" || code === "PGRST302" || status === 401 || status === 403) {
    return new NotAllowedError(`Cannot do this with these credentials: ${said}${keyToCheck(target)}`);
  }
  if (code === "PGRST202" || code === "PGRST205" || code === "42P01" || code === "42883") {
    return new MissingError(`Cannot find what is needed in the project: ${said}. Apply all migrations of Lapse to it`);
  }
  return new UnreachableError(`Cannot use the answer of ${target.url} (${status}): ${said}. ${whatToCheck(target)}`);
}

/** For when nobody answers: a wrong address, a paused project, a stack that has stopped. */
export function unreachable(why: string, target: Target): UnreachableError {
  const reason = why.replace(/^\w*Error: /, "").split("\n")[0];
  return new UnreachableError(`Cannot reach ${target.url}: ${reason}. ${whatToCheck(target)}`);
}

/** Advice when a key was refused. A user who signed in knows which account they used. */
export function keyToCheck({ credentials }: Target): string {
  return credentials.kind === "key" ? ". Check LAPSE_SECRET_KEY" : "";
}

function whatToCheck({ local }: Target): string {
  return local
    ? "If the stack that wrote .lapse/stack.json has stopped, start it again with npm run stack"
    : "Check LAPSE_URL, and that the project is not paused";
}
