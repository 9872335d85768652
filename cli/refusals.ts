import type { Target } from "./environment.ts";
import { MissingError, NotAllowedError, RefusedError, UnreachableError, UsageError } from "./errors.ts";

/** What the REST API answered instead of rows. `status` 0: it did not answer at all. */
export type Refusal = { code: string | null; message: string; status: number };

/** PostgREST's codes, and those that the database functions raise (PT404, PT409, 22023), as what they mean to an operator. */
export function refusalOf({ code, message, status }: Refusal, target: Target): Error {
  const said = message.slice(0, 300);
  if (status === 0) return unreachable(said, target);
  if (code === "PT404" || code === "PT409") return new RefusedError(said);
  if (code === "22023" || code === "22P02") return new UsageError(said);
  if (code === "42501" || code === "PGRST301" || code === "PGRST302" || status === 401 || status === 403) {
    return new NotAllowedError(`These credentials are not allowed to do this: ${said}${keyToCheck(target)}`);
  }
  if (code === "PGRST202" || code === "PGRST205" || code === "42P01" || code === "42883") {
    return new MissingError(`The project lacks what is needed (are all migrations applied?): ${said}`);
  }
  return new UnreachableError(`${target.url} gave no usable answer (${status}): ${said}. ${whatToCheck(target)}`);
}

/** Nobody answered: a wrong address, a project that is paused, a stack that has stopped. */
export function unreachable(why: string, target: Target): UnreachableError {
  return new UnreachableError(
    `Cannot reach ${target.url}: ${why.replace(/^\w*Error: /, "").split("\n")[0]}. ${whatToCheck(target)}`,
  );
}

/** For whoever is refused with a key: a login knows itself who it is. */
export function keyToCheck({ credentials }: Target): string {
  return credentials.kind === "key" ? ". Check LAPSE_SECRET_KEY" : "";
}

function whatToCheck({ local }: Target): string {
  return local
    ? "If the stack that wrote .lapse/stack.json is gone, start it again with npm run stack"
    : "Check LAPSE_URL, and that the project is not paused";
}
