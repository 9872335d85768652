import { findStandIns } from "../extensions/install.ts";
import { type Database, withConnection } from "../postgres/databases.ts";
import { type CronWorker, type CronWorkerOptions, startCronWorker } from "../workers/cron-worker.ts";
import { type NetWorker, type NetWorkerOptions, startNetWorker } from "../workers/net-worker.ts";

export type WorkersOptions = { cron?: Omit<CronWorkerOptions, "dbUrl">; net?: Omit<NetWorkerOptions, "dbUrl"> };

/** Undefined if the database has the original, whose worker runs inside the server. */
export type Workers = { cron: CronWorker | undefined; net: NetWorker | undefined; stop(): Promise<void> };

/** Starts the workers of the substitutes that the database has. */
export async function startWorkers(database: Database, options: WorkersOptions): Promise<Workers> {
  const dbUrl = database.adminUrl;
  const standIns = await withConnection(dbUrl, findStandIns);
  const net = standIns.includes("pg_net") ? await startNetWorker({ ...options.net, dbUrl }) : undefined;
  const cron = standIns.includes("pg_cron") ? await startCronWorker({ ...options.cron, dbUrl }) : undefined;
  async function stop(): Promise<void> {
    await cron?.stop();
    await net?.stop();
  }
  return { cron, net, stop };
}
