import postgres from "postgres";
import { setTimeout as sleep } from "node:timers/promises";
import { purgeResponses, sendBatch } from "./net-batch.ts";
import { type NetFaults, WorkerKilled } from "./net-faults.ts";

export type NetWorkerOptions = {
  /**
   * The database whose requests are sent. Its user must be able to change `net`, which in pg_net every user can, by
   * mistake.
   */
  dbUrl: string;
  /** Requests per batch; 200 by default, as in pg_net. */
  batchSize?: number;
  /** Age at which responses are deleted, as a PostgreSQL interval; "6 hours" by default, as in pg_net. */
  ttl?: string;
  /** Milliseconds between two checks of an empty queue; by default 100. */
  pollMs?: number;
  /** Milliseconds before a failed worker starts again; by default 1000, as in pg_net. */
  restartMs?: number;
  faults?: NetFaults;
  /** Called with errors outside the requests, for example when the database is down. By default they are printed. */
  onError?: (error: unknown) => void;
};

export type NetWorker = {
  /** Resolves when the queue is empty and the responses are written. */
  drain(): Promise<void>;
  /** Stops after the current batch. */
  stop(): Promise<void>;
  /** Stops at once: the batch is rolled back, and the next worker sends it again. */
  crash(): Promise<void>;
};

/**
 * Replaces pg_net's background worker for a database with the substitute. Requests are sent in batches, one batch at a
 * time. Each is one transaction, from taking its requests to writing their responses, so a slow answer delays all later
 * requests of the database.
 */
export async function startNetWorker(options: NetWorkerOptions): Promise<NetWorker> {
  const { dbUrl, batchSize = 200, ttl = "6 hours", pollMs = 100, restartMs = 1000 } = options;
  const { faults = () => undefined, onError = console.error } = options;
  const sql = postgres(dbUrl, {
    max: 1,
    // The pool takes a connection that waits for HTTP during a batch for an idle one, and would replace it.
    max_lifetime: null,
    backoff: () => 0.1,
    connection: { application_name: "pg_net 0.20.4" },
    onnotice: () => {},
  });
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const dying = new AbortController();
  const stopping = new AbortController();
  let lastTurn: Promise<unknown> = Promise.resolve();

  /** Sends everything that is queued now, batch by batch. Only one call works at a time. */
  function takeTurn(): Promise<void> {
    const turn = lastTurn.then(async () => {
      let awake = await hasRequests(sql);
      while (awake && !stopping.signal.aborted) {
        // Old responses are deleted only here: a worker without requests deletes nothing, as in pg_net.
        const purged = await purgeResponses(sql, { ttl, batchSize });
        const sent = await sendBatch(sql, { batchSize, client, faults, signal: dying.signal });
        awake = purged + sent > 0;
      }
    });
    lastTurn = turn.catch(() => {});
    return turn;
  }

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      const pause = await takeTurn().then(() => pollMs, (error) => {
        if (!stopping.signal.aborted && !(error instanceof WorkerKilled)) onError(error);
        return restartMs;
      });
      await sleep(pause, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  async function drain(): Promise<void> {
    while (!stopping.signal.aborted && await hasRequests(sql)) {
      await takeTurn().catch((error) => {
        if (!(error instanceof WorkerKilled)) throw error;
      });
    }
    await lastTurn;
  }

  async function stop(): Promise<void> {
    stopping.abort();
    await working;
    await sql.end({ timeout: 1 });
    client.close();
  }

  async function crash(): Promise<void> {
    stopping.abort();
    dying.abort(new WorkerKilled());
    await sql.end({ timeout: 0 });
    await working;
    client.close();
  }

  await hasRequests(sql);
  const working = work();
  return { drain, stop, crash };
}

async function hasRequests(sql: postgres.Sql): Promise<boolean> {
  const [row] = await sql`select exists (select from net.http_request_queue) as found`;
  return row!.found;
}
