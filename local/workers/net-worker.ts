import postgres from "postgres";
import type { NetFault, NetFaults } from "./net-faults.ts";
import { type NetRequest, type NetResponse, sendRequest } from "./net-request.ts";
import { createBell } from "./bell.ts";

export type NetWorkerOptions = {
  /** The database whose requests are sent; somebody who may change `net`, which by a fault of pg_net is everybody. */
  dbUrl: string;
  /** Requests per batch; 200 by default, as in pg_net. */
  batchSize?: number;
  /** Age at which responses are deleted, as a PostgreSQL interval; "6 hours" by default, as in pg_net. */
  ttl?: string;
  /** Milliseconds between two batches and before a worker that failed starts again; 1000 by default, as in pg_net. */
  pauseMs?: number;
  faults?: NetFaults;
  /** Told what went wrong outside the requests themselves (the database is down …). Prints by default. */
  onError?: (error: unknown) => void;
};

export type NetWorker = {
  /** Sends batches without pausing, until the queue is empty. */
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
  const { dbUrl, batchSize = 200, ttl = "6 hours", pauseMs = 1000, faults = () => undefined } = options;
  const { onError = console.error } = options;
  const sql = postgres(dbUrl, { max: 1, connection: { application_name: "pg_net 0.20.4" }, onnotice: () => {} });
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const dying = new AbortController();
  const bell = createBell();
  let stopped = false;
  let lastBatch: Promise<unknown> = Promise.resolve();

  /** Returns how many rows it handled: 0 means there was nothing to do. */
  function nextBatch(): Promise<number> {
    const batch = lastBatch.then(async () => stopped ? 0 : await purge() + await sendBatch());
    lastBatch = batch.catch(() => {});
    return batch;
  }

  async function purge(): Promise<number> {
    const { count } = await sql`
      delete from net._http_response where ctid in (
        select ctid from net._http_response where created < now() - ${ttl}::interval order by created limit ${batchSize})`;
    return count;
  }

  async function sendBatch(): Promise<number> {
    return await sql.begin(async (transaction) => {
      // There is one worker per database. Were a second one started by mistake, it would have to wait its turn.
      await transaction`select pg_advisory_xact_lock(hashtext('pg_net stand-in'))`;
      const requests = await takeRequests(transaction, batchSize);
      const marked = requests.map((request) => ({ request, fault: faults(request) }));
      const responses = await Promise.all(marked.map(({ request, fault }) => send(request, fault)));
      dying.signal.throwIfAborted();
      if (marked.some(({ fault }) => fault === "kill")) throw new WorkerKilled();
      const rows = responses.filter((response) => response !== undefined);
      if (rows.length > 0) await transaction`insert into net._http_response ${transaction(rows)}`;
      return requests.length;
    });
  }

  async function send(request: NetRequest, fault: NetFault | undefined): Promise<NetResponse | undefined> {
    if (fault === "lose") return undefined;
    const sending = { client, signal: dying.signal, delayMs: typeof fault === "object" ? fault.delayMs : 0 };
    if (fault === "repeat") await sendRequest(request, sending);
    return await sendRequest(request, sending);
  }

  /** Like the original, deletes old responses only when it is awake anyway. */
  async function work(): Promise<void> {
    while (!stopped) {
      try {
        if (await nextBatch() === 0) await bell.wait();
        else await bell.wait(pauseMs);
      } catch (error) {
        if (stopped) return;
        if (!(error instanceof WorkerKilled)) onError(error);
        await bell.wait(pauseMs);
      }
    }
  }

  async function drain(): Promise<void> {
    let more = true;
    while (more) more = await nextBatch().catch(survive) > 0;
  }

  async function close(): Promise<void> {
    await working;
    await listener.end({ timeout: 1 });
    client.close();
  }

  async function stop(): Promise<void> {
    stopped = true;
    bell.ring();
    await lastBatch;
    await sql.end({ timeout: 1 });
    await close();
  }

  async function crash(): Promise<void> {
    stopped = true;
    bell.ring();
    dying.abort(new WorkerKilled());
    await sql.end({ timeout: 0 });
    await lastBatch;
    await close();
  }

  const listener = postgres(dbUrl, { max: 1, onnotice: () => {} });
  // Rings on every reconnection too: what was queued while the connection was down notified nobody.
  await listener.listen("pg_net_wake", bell.ring, bell.ring);
  const working = work();
  return { drain, stop, crash };
}

/** Stands for the end of the process: the transaction is rolled back, and a worker starts anew. */
class WorkerKilled extends Error {}

function survive(error: unknown): number {
  if (error instanceof WorkerKilled) return 1;
  throw error;
}

async function takeRequests(transaction: postgres.TransactionSql, batchSize: number): Promise<NetRequest[]> {
  return await transaction<NetRequest[]>`
    with batch as (select id from net.http_request_queue order by id limit ${batchSize})
    delete from net.http_request_queue q using batch where q.id = batch.id
    returning q.id, q.method, q.url, q.body, q.timeout_milliseconds as "timeoutMs",
      (select jsonb_object_agg(key, value) from jsonb_each_text(q.headers) where value is not null) as headers`;
}
