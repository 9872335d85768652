import { findStandIns } from "../extensions/install.ts";
import type { Database } from "../postgres/databases.ts";
import { withConnection } from "../postgres/databases.ts";
import { startCronWorker } from "../workers/cron.ts";
import { startNetWorker } from "../workers/net.ts";

/** Starts the workers of those stand-ins the database really has; a real pg_cron or pg_net works by itself, in the server. */
export async function startWorkers(database: Database): Promise<AsyncDisposable> {
  const workers = new AsyncDisposableStack();
  const standIns = await withConnection(database.adminUrl, findStandIns);
  if (standIns.includes("pg_cron")) {
    const worker = await startCronWorker(database.adminUrl);
    workers.defer(() => worker.stop());
  }
  if (standIns.includes("pg_net")) {
    const worker = await startNetWorker(database.adminUrl);
    workers.defer(() => worker.stop());
  }
  return workers;
}
