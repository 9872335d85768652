import type { Target } from "./target.ts";

/** The request was understood but refused in the present state: exit code 1. */
export class RefusedError extends Error {
  override name = "RefusedError";
}

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** The project cannot be reached, or lacks something that is needed: exit code 3. */
export class UnreachableError extends Error {
  override name = "UnreachableError";
}

/** The project lacks a view or function, because not all migrations are applied. */
export class MissingError extends UnreachableError {
  override name = "MissingError";
}

/** The credentials do not allow this: exit code 3. */
export class NotAllowedError extends Error {
  override name = "NotAllowedError";
}

/** How an error appears to a script. A bug in the command counts as "state unknown". */
export function describeError(error: unknown): { exitCode: 1 | 2 | 3; code: string; message: string } {
  if (error instanceof RefusedError) return { exitCode: 1, code: "refused", message: error.message };
  if (error instanceof UsageError) return { exitCode: 2, code: "usage", message: error.message };
  if (error instanceof NotAllowedError) return { exitCode: 3, code: "not_allowed", message: error.message };
  if (error instanceof UnreachableError) return { exitCode: 3, code: "unreachable", message: error.message };
  const message = error instanceof Error ? `${error.name}: ${error.message}` : `${error}`;
  return { exitCode: 3, code: "internal", message };
}

/** The REST API's error. `status` 0: there was no answer at all. */
export type Refusal = { code: string | null; message: string; status: number };

/** Translates the error codes of PostgREST and of Lapse's functions (PT404, PT409, 22023) for the operator. */
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

/** No answer at all: a wrong address, a paused project, or a stack that has stopped. */
export function unreachable(why: string, target: Target): UnreachableError {
  const reason = why.replace(/^\w*Error: /, "").split("\n")[0];
  return new UnreachableError(`Cannot reach ${target.url}: ${reason}. ${whatToCheck(target)}`);
}

/** Advice after a key was refused. A user who signed in knows which account they used. */
export function keyToCheck({ credentials }: Target): string {
  return credentials.kind === "key" ? ". Check LAPSE_SECRET_KEY" : "";
}

function whatToCheck({ local }: Target): string {
  return local
    ? "If the stack that wrote .lapse/stack.json has stopped, start it again with npm run stack"
    : "Check LAPSE_URL, and that the project is not paused";
}
