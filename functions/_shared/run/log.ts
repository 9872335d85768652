import { createLineLimit } from "./line-limit.ts";
import { withoutSecrets } from "./without-secrets.ts";

/** Structured log: one JSON object per line. */
export type LogFields = Record<string, string | number | boolean | null | undefined | Record<string, number>>;

export type Log = {
  info(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** The same log with these fields on every line, and the milliseconds since then as `elapsed_ms`. */
  with(fields: LogFields): Log;
};

/** Well under the platform's 10,000 characters a line. */
const MAX_LINE = 9_000;

/**
 * Writes to the console, where the Edge Runtime collects lines: at most 100 events per 10 s, 10,000 characters each
 * (supabase.com/docs/guides/functions/limits). Lines beyond that are left out and counted: the next one that is written names them in
 * `left_out`, so that a run's last line always tells what is missing.
 *
 * Fields hold ids, counts, durations and error classes; never a header, a key or personal data. Texts of errors are somebody else's, so
 * what looks like one of these is taken out of them.
 */
export function createLog(
  fields: LogFields = {},
  write: (line: string) => void = console.log,
  { monotonic = () => performance.now() }: { monotonic?: () => number } = {},
): Log {
  const limit = createLineLimit(monotonic);

  function createChild(own: LogFields, startedAt: number | null): Log {
    function line(level: string, event: string, more: LogFields = {}): void {
      const { admitted, leftOut } = limit.admit(event);
      if (!admitted) return;
      const elapsed = startedAt === null ? {} : { elapsed_ms: Math.round(monotonic() - startedAt) };
      const told = cleaned({ ...own, ...more });
      write(serialize({ level, event, ...told, ...elapsed, ...(leftOut ? { left_out: leftOut } : {}) }));
    }
    return {
      info: (event, more) => line("info", event, more),
      error: (event, more) => line("error", event, more),
      with: (more) => createChild({ ...own, ...more }, monotonic()),
    };
  }
  return createChild(fields, null);
}

function cleaned(fields: LogFields): LogFields {
  const told: LogFields = {};
  for (const [name, value] of Object.entries(fields)) {
    told[name] = typeof value === "string" ? withoutSecrets(value) : value;
    // As reasonOf writes it: "TypeError: …". A class can be counted, a text cannot.
    const [, errorClass] = name === "error" ? /^(\w+): /.exec(String(value)) ?? [] : [];
    if (errorClass) told.error_class = errorClass;
  }
  return told;
}

/** Cutting JSON would make it none, so a line that is too long keeps only what finds the run. */
function serialize(line: LogFields): string {
  const text = JSON.stringify(line);
  if (text.length <= MAX_LINE) return text;
  const { level, event, run_id, job, left_out } = line;
  return JSON.stringify({ level, event, run_id, job, left_out, too_long: text.length });
}
