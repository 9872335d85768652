import { withConnection } from "../../local/postgres/databases.ts";
import { startCronWorker } from "../../local/workers/cron-worker.ts";
import { forgetEverything, type NetFault } from "../../local/workers/net-faults.ts";
import { type NetWorker, type NetWorkerOptions, startNetWorker } from "../../local/workers/net-worker.ts";
import type { Disaster, Scene } from "./disasters.ts";
import { sleep } from "./weather.ts";

/** pg_cron and pg_net: the one ticks every two seconds instead of every five minutes, the other has bad days. */
export type Scheduler = {
  disasters: Disaster[];
  /** Ticks until the chaos is over. */
  tickWhile(goesOn: () => boolean): Promise<void>;
  /** Call once all faults have stopped. */
  stop(): Promise<void>;
};

/** All jobs but the retention are due in this minute. */
const MINUTE_OF_ALL = new Date("2026-11-30T12:00:00Z");
const CLEANUP_EVERY = 5;

export async function startScheduler({ stack, random }: Scene): Promise<Scheduler> {
  const dbUrl = stack.database.adminUrl;
  const cron = await startCronWorker({ dbUrl, pollMs: 0 });
  let fate: () => NetFault | undefined = () => undefined;
  // Its log would tell of every outage.
  const options: NetWorkerOptions = { dbUrl, faults: () => fate(), restartMs: 300, onError: () => {} };
  let net: NetWorker | undefined = await startNetWorker(options);

  const forAWhile = (name: string, then: () => NetFault | undefined): Disaster => ({
    name,
    cause: "waiting",
    async strike() {
      fate = then;
      await sleep(1_000 + random() * 4_000);
      fate = () => undefined;
    },
  });

  return {
    disasters: [
      forAWhile("pg_net is cut off: every request is lost", () => "lose"),
      forAWhile("pg_net sends everything twice", () => "repeat"),
      forAWhile("pg_net's answers are lost", () => ({ delayMs: 6_000 })),
      forAWhile("pg_net dies before it commits, and sends all again", () => random() < 0.5 ? "kill" : undefined),
      {
        name: "pg_net's worker is killed",
        cause: "waiting",
        async strike() {
          await net?.crash();
          net = undefined;
          await sleep(random() * 2_000);
          while (!net) net = await startNetWorker(options).catch(() => sleep(200).then(() => undefined));
        },
      },
      {
        name: "pg_net forgets everything and counts from 1 again",
        cause: "waiting",
        strike: () => withConnection(dbUrl, forgetEverything).catch(() => {}),
      },
    ],
    async tickWhile(goesOn) {
      let underWay = false;
      for (let n = 1; goesOn(); n++) {
        if (!underWay) {
          underWay = true;
          // A tick during a fault of the database is skipped, as with pg_cron.
          const due = [cron.tick(MINUTE_OF_ALL), ...n % CLEANUP_EVERY === 0 ? [dispatchCleanup(stack)] : []];
          void Promise.allSettled(due).then(() => underWay = false);
        }
        await sleep(1_500 + random() * 1_000);
      }
    },
    async stop() {
      // The last tick is one without a fault, so its workers are new ones that have lost no connection.
      await cron.stop();
      await net?.crash();
      const lastCron = await startCronWorker({ dbUrl, pollMs: 0 });
      const lastNet = await startNetWorker(options);
      await lastCron.tick(MINUTE_OF_ALL);
      await lastCron.stop();
      await lastNet.stop();
    },
  };
}

/** Its own slot is a matter of weeks. */
function dispatchCleanup({ database }: Scene["stack"]): Promise<unknown> {
  return withConnection(database.url, async (sql) => {
    await sql`select lapse.dispatch('cleanup-stale-payment-intents')`;
  });
}
