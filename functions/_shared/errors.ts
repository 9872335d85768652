/** Something the deployment lacks or got wrong. Its message names the setting and never its value. */
export class ConfigurationError extends Error {
  override name = "ConfigurationError";
}

/** The database refused a call, or its answer is not what the contract says. */
export class DatabaseError extends Error {
  override name = "DatabaseError";
  /** SQLSTATE, or PostgREST's own code; null when there was no answer at all. */
  readonly code: string | null;

  constructor(message: string, options: { code: string | null; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.code = options.code;
  }
}

/** Another run took over. Whatever this run still wanted to write, it may not. */
export class LeaseLostError extends DatabaseError {
  override name = "LeaseLostError";
}

/** Whether an error that one order met is about the run: every other order would meet it too, and none is to blame. */
export function concernsTheRun(error: unknown): boolean {
  return error instanceof DatabaseError || error instanceof ConfigurationError;
}

/** The one-line reason of any thrown value, fit for a run's row and for an operator. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
