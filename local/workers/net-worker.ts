import postgres from "postgres";
import { setTimeout as sleep } from "node:timers/promises";
import { purgeResponses, sendBatch } from "./net-batch.ts";
import { type NetFaults, WorkerKilled } from "./net-faults.ts";

export type NetWorkerOptions = {
  /** The database whose requests are sent; somebody who may change `net`, which by a fault of pg_net is everybody. */
  dbUrl: string;
  /** Requests per batch; 200 by default, as in pg_net. */
  batchSize?: number;
  /** Age at which responses are deleted, as a PostgreSQL interval; "6 hours" by default, as in pg_net. */
  ttl?: string;
  /** Milliseconds between two looks at an empty queue; 100 by default. */
  pollMs?: number;
  /** Milliseconds before a worker that failed starts again; 1000 by default, as in pg_net. */
  restartMs?: number;
  faults?: NetFaults;
  /** Told what went wrong outside the requests themselves (the database is down …). Prints by default. */
  onError?: (error: unknown) => void;
};

export type NetWorker = {
  /** Ends when the queue is empty and the responses are written. */
  drain(): Promise<void>;
  /** Finishes the batch it is in. */
  stop(): Promise<void>;
  /** Dies in the middle of whatever it does: the batch is rolled back, the next worker sends it again. */
  crash(): Promise<void>;
};

/**
 * Stands in for pg_net's background worker on a database with the stand-in extension. Requests are sent in batches, one at a time, each in
 * one transaction from taking its requests to writing their responses: a slow answer holds up all later requests of the database.
 */
export async function startNetWorker(options: NetWorkerOptions): Promise<NetWorker> {
  const { dbUrl, batchSize = 200, ttl = "6 hours", pollMs = 100, restartMs = 1000 } = options;
  const { faults = () => undefined, onError = console.error } = options;
  const sql = postgres(dbUrl, {
    max: 1,
    // The pool takes a connection that waits for HTTP in the middle of a batch for an idle one, and would replace it.
    max_lifetime: null,
    backoff: () => 0.1,
    connection: { application_name: "pg_net 0.20.4" },
    onnotice: () => {},
  });
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const dying = new AbortController();
  const stopping = new AbortController();
  let lastTurn: Promise<unknown> = Promise.resolve();

  /** Sends everything queued now, batch by batch. Only one turn runs at a time. */
  function takeTurn(): Promise<void> {
    const turn = lastTurn.then(async () => {
      let awake = await hasRequests(sql);
      while (awake && !stopping.signal.aborted) {
        // Old responses are deleted only here: a worker that has nothing to send deletes nothing.
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
