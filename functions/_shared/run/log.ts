/** Structured log: one JSON object per line. */
export type LogFields = Record<string, string | number | boolean | null | undefined | Record<string, number>>;

export type Log = {
  info(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** The same log with these fields on every line. */
  with(fields: LogFields): Log;
};

/**
 * Writes to the console, where the Edge Runtime collects lines (100 events per 10 s, 10,000 characters each: log per batch,
 * never per order). Fields hold ids, counts, durations and error classes; never a header, a key or personal data.
 */
export function createLog(fields: LogFields = {}, write: (line: string) => void = console.log): Log {
  function line(level: string, event: string, more: LogFields = {}): void {
    write(JSON.stringify({ level, event, ...fields, ...more }).slice(0, 9_000));
  }
  return {
    info: (event, more) => line("info", event, more),
    error: (event, more) => line("error", event, more),
    with: (more) => createLog({ ...fields, ...more }, write),
  };
}
