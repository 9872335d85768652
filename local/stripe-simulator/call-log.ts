/** A request that arrived at /v1, whatever its result. */
export type LoggedCall = {
  seq: number;
  /** Arrival, in ms with sub-millisecond digits on a monotonic clock that starts with the simulator. */
  t: number;
  /** Arrival on the simulated calendar, ms since the epoch. */
  atMs: number;
  account: string;
  livemode: boolean;
  /** "" for a URL that is not simulated. */
  endpoint: string;
  method: string;
  path: string;
  objectId: string;
  idempotencyKey: string | null;
  /** null: no reply was sent (yet). */
  status: number | null;
  /** Whether the endpoint was executed. False for refusals and for replays of a saved reply. */
  executed: boolean;
  replayed: boolean;
  /** The error's code, or for a 429 the limiter's reason. */
  reason: string | null;
  /** The injected fault that occurred, if any. */
  fault: string | null;
  /** The object's status at the moment the call took effect. */
  statusBefore: string | null;
  /**
   * The intent's status in the last answer before this call. It tells a race with the customer from a mistake of the
   * caller.
   */
  statusShown: string | null;
  statusAfter: string | null;
  durationMs: number | null;
};

export type CallQuery = {
  endpoint?: string;
  objectId?: string;
  account?: string;
  status?: number;
  executed?: boolean;
  idempotencyKey?: string;
  /** Only calls with this `seq` or later. */
  since?: number;
};

/** All calls in order of arrival. It is never cleared: a test passes an earlier length as `since`. */
export class CallLog {
  readonly #calls: LoggedCall[] = [];
  readonly #startedAt = performance.now();

  open(call: Pick<LoggedCall, "method" | "path" | "idempotencyKey" | "atMs">): LoggedCall {
    const entry: LoggedCall = {
      ...call,
      seq: this.#calls.length,
      t: performance.now() - this.#startedAt,
      account: "",
      livemode: false,
      endpoint: "",
      objectId: "",
      status: null,
      executed: false,
      replayed: false,
      reason: null,
      fault: null,
      statusBefore: null,
      statusShown: null,
      statusAfter: null,
      durationMs: null,
    };
    this.#calls.push(entry);
    return entry;
  }

  close(entry: LoggedCall): void {
    entry.durationMs = performance.now() - this.#startedAt - entry.t;
  }

  get length(): number {
    return this.#calls.length;
  }

  find(query: CallQuery = {}): LoggedCall[] {
    const from = query.since === undefined ? this.#calls : this.#calls.slice(query.since);
    return from.filter((call) => matches(call, query));
  }

  /** The largest number of arrivals in any half-open window of `windowMs` (default one second), 429s included. */
  peak(query: CallQuery & { windowMs?: number } = {}): number {
    const windowMs = query.windowMs ?? 1000;
    const times = this.find(query).map((call) => call.t);
    let first = 0;
    let most = 0;
    for (let last = 0; last < times.length; last++) {
      while (times[last]! - times[first]! >= windowMs) first++;
      most = Math.max(most, last - first + 1);
    }
    return most;
  }

  /** The peak of every endpoint that was called, and of all together under `global`. */
  peaks(query: CallQuery & { windowMs?: number } = {}): Record<string, number> {
    const names = new Set(this.find(query).map((call) => call.endpoint).filter((name) => name !== ""));
    const entries = [...names].map((endpoint) => [endpoint, this.peak({ ...query, endpoint })] as const);
    return { global: this.peak(query), ...Object.fromEntries(entries) };
  }
}

function matches(call: LoggedCall, query: CallQuery): boolean {
  return (query.endpoint === undefined || call.endpoint === query.endpoint) &&
    (query.objectId === undefined || call.objectId === query.objectId) &&
    (query.account === undefined || call.account === query.account) &&
    (query.status === undefined || call.status === query.status) &&
    (query.executed === undefined || call.executed === query.executed) &&
    (query.idempotencyKey === undefined || call.idempotencyKey === query.idempotencyKey);
}
