/** Structured log: one JSON object per line. */
export type LogFields = Record<string, string | number | boolean | null | undefined | Record<string, number>>;

export type Log = {
  info(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** The same log with these fields on every line, and the milliseconds since then as `elapsed_ms`. */
  with(fields: LogFields): Log;
};

/** The platform cuts a line at 10,000 characters. */
const MAX_LINE = 9_000;
/** Longest text of one field, in characters. */
const MAX_TEXT = 500;
/** The platform takes 100 lines in any 10 s. Ten are left for the runtime's own lines and for clock differences. */
const WINDOW_MS = 10_000;
const MAX_LINES = 90;
/** Lines about batches and single orders; the rest is reserved for the beginning and the end of runs. */
const MAX_WORK_LINES = 60;

/**
 * Writes to the console, where the Edge Runtime collects lines. Lines beyond the platform's limits
 * (supabase.com/docs/guides/functions/limits) are dropped and counted. The next line that is written counts them in `left_out`, so a run's
 * last line always shows what is missing.
 *
 * Fields hold ids, counts, durations and error classes; never a header, a key or personal data. Error texts come from elsewhere, so
 * anything in them that looks like one of these is removed.
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
      const clean = cleaned({ ...own, ...more });
      write(serialize({ level, event, ...clean, ...elapsed, ...(leftOut ? { left_out: leftOut } : {}) }));
    }
    return {
      info: (event, more) => line("info", event, more),
      error: (event, more) => line("error", event, more),
      with: (more) => createChild({ ...own, ...more }, monotonic()),
    };
  }
  return createChild(fields, null);
}

/** One limit for all lines of a function, because the platform counts them together, in any window of 10 s. */
function createLineLimit(monotonic: () => number) {
  let written: number[] = [];
  let leftOut: Record<string, number> | null = null;
  return {
    admit(event: string): { admitted: boolean; leftOut: Record<string, number> | null } {
      const now = monotonic();
      written = written.filter((at) => now - at < WINDOW_MS);
      // run_started, run_finished, request_failed, …: they are few, and the others make no sense without them.
      const limit = /^(run|request)_/.test(event) ? MAX_LINES : MAX_WORK_LINES;
      if (written.length >= limit) {
        leftOut = { ...leftOut, [event]: (leftOut?.[event] ?? 0) + 1 };
        return { admitted: false, leftOut: null };
      }
      written.push(now);
      const dropped = leftOut;
      leftOut = null;
      return { admitted: true, leftOut: dropped };
    },
  };
}

function cleaned(fields: LogFields): LogFields {
  const clean: LogFields = {};
  for (const [name, value] of Object.entries(fields)) {
    clean[name] = typeof value === "string" ? withoutSecrets(value) : value;
    // messageOf writes "TypeError: …". Classes can be counted, texts cannot.
    const [, errorClass] = name === "error" ? /^(\w+): /.exec(String(value)) ?? [] : [];
    if (errorClass) clean.error_class = errorClass;
  }
  return clean;
}

/** What keys, tokens and addresses look like. Ids of payments and orders do not, and stay. */
const SECRETS: RegExp[] = [
  // Stripe: secret, restricted, publishable, webhook; Supabase: sb_secret_…, sb_publishable_…
  /\b(?:sk|rk|pk)_(?:test|live)_\w+/g,
  /\bwhsec_[\w+/=]+/g,
  /\bsb_(?:secret|publishable)_[\w-]+/g,
  /\b(?:Bearer|Basic)\s+\S+/gi,
  // client secrets of intents and sessions: anyone who has one can act on the payment
  /\b\w+_secret_\w+/g,
  // JSON web tokens
  /\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g,
  // a password in a URL, an address
  /(?<=:\/\/)[^\s/@]+@/g,
  /[\w.+-]+@[\w-]+\.[\w.-]+/g,
];

/** Makes a text fit for a log: replaces keys, tokens and addresses by […] and cuts the rest to a readable length. */
export function withoutSecrets(text: string): string {
  const cut = text.slice(0, 4 * MAX_TEXT);
  return SECRETS.reduce((clean, secret) => clean.replace(secret, "[…]"), cut).slice(0, MAX_TEXT);
}

/** A line that is too long keeps only what identifies the run, because cutting JSON would make it invalid. */
function serialize(line: LogFields): string {
  const text = JSON.stringify(line);
  if (text.length <= MAX_LINE) return text;
  const { level, event, run_id, job, left_out } = line;
  return JSON.stringify({ level, event, run_id, job, left_out, too_long: text.length });
}
