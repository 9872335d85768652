import type postgres from "postgres";
import { isLostConnection } from "./lost-connection.ts";
import { type NetFault, type NetFaults, WorkerKilled } from "./net-faults.ts";
import { type NetRequest, type NetResponse, sendRequest } from "./net-request.ts";

export type BatchOptions = {
  batchSize: number;
  client: Deno.HttpClient;
  faults: NetFaults;
  /** Aborted when the worker dies: requests under way are cut, and nothing is committed. */
  signal: AbortSignal;
};

type Taken = NetRequest & { transaction: string };

/**
 * Takes a batch from the queue, sends it and writes the responses, in one transaction. Returns the number of requests.
 * `sql` must be a single connection. Throws `WorkerKilled` if a fault says so, and any database error; then nothing of
 * the batch is committed.
 */
export async function sendBatch(sql: postgres.Sql, options: BatchOptions): Promise<number> {
  // Not sql.begin: if the server dies during the requests, it would send its rollback to the closed socket, and that
  // error cannot be caught. Here a statement after the loss opens a new connection, where rollback, commit and
  // `respond` have no effect.
  await sql.unsafe("begin");
  try {
    // There is one worker per database. A second one, started by mistake, would wait here.
    await sql`select pg_advisory_xact_lock(hashtext('pg_net stand-in'))`;
    const requests = await take(sql, options.batchSize);
    const marked = requests.map((request) => ({ request, fault: options.faults(request) }));
    const responses = await Promise.all(marked.map(({ request, fault }) => send(request, fault, options)));
    options.signal.throwIfAborted();
    if (marked.some(({ fault }) => fault === "kill")) throw new WorkerKilled();
    await respond(sql, responses.filter((response) => response !== undefined), requests[0]?.transaction);
    await sql.unsafe("commit");
    return requests.length;
  } catch (error) {
    // The server rolls back by itself what a lost connection left.
    if (!options.signal.aborted && !isLostConnection(error)) await sql.unsafe("rollback");
    throw error;
  }
}

/** Deletes at most `batchSize` responses older than `ttl`, oldest first. Returns their number. */
export async function purgeResponses(sql: postgres.Sql, options: { ttl: string; batchSize: number }): Promise<number> {
  const { count } = await sql`
    delete from net._http_response where ctid in (
      select ctid from net._http_response where created < now() - ${options.ttl}::interval
      order by created limit ${options.batchSize})`;
  return count;
}

async function take(sql: postgres.Sql, batchSize: number): Promise<Taken[]> {
  return await sql<Taken[]>`
    with batch as (select id from net.http_request_queue order by id limit ${batchSize})
    delete from net.http_request_queue q using batch where q.id = batch.id
    returning q.id, q.method, q.url, q.body, q.timeout_milliseconds as "timeoutMs",
      (select jsonb_object_agg(key, value) from jsonb_each_text(q.headers) where value is not null) as headers,
      pg_current_xact_id()::text as transaction`;
}

async function send(request: NetRequest, fault: NetFault | undefined, { client, signal }: BatchOptions) {
  if (fault === "lose") return undefined;
  const sending = { client, signal, delayMs: typeof fault === "object" ? fault.delayMs : 0 };
  if (fault === "repeat") await sendRequest(request, sending);
  return await sendRequest(request, sending);
}

/** Writes nothing and throws unless it is still in the transaction that took the requests. */
async function respond(sql: postgres.Sql, responses: NetResponse[], transaction: string | undefined): Promise<void> {
  if (responses.length === 0 || transaction === undefined) return;
  const { count } = await sql`
    insert into net._http_response (id, status_code, content_type, headers, content, timed_out, error_msg)
    select id, status_code, content_type, headers, content, timed_out, error_msg
    from jsonb_populate_recordset(null::net._http_response, ${sql.json(responses)})
    where pg_current_xact_id_if_assigned()::text = ${transaction}`;
  if (count === 0) throw new Error("Cannot write the responses of a batch: its connection was lost");
}
