import type postgres from "postgres";
import type { Databases } from "../../local/platform/databases.ts";
import { withConnection } from "../../local/postgres/databases.ts";
import type { Stack } from "../../local/stack/start.ts";
import { replaceLostConnections } from "../support/lost-connections.ts";
import { AWAY } from "./shop.ts";
import { type Cause, deckOf, sleep, type Weather } from "./weather.ts";

/** `sql`: the shop's connections. `random`: of this sequence of disasters alone, so that the others do not shift it. */
export type Scene = {
  stack: Stack;
  server: Databases["server"];
  sql: postgres.Sql;
  weather: Weather;
  random: () => number;
};

/** Something that goes wrong for a while. */
export type Disaster = { name: string; cause: Cause; strike(scene: Scene): Promise<unknown> };

/** Lets one disaster of the list after the other strike, with pauses, until the chaos is over. */
export async function strikeAll(
  disasters: Disaster[],
  scene: Scene,
  { goesOn, pauseMs }: { goesOn: () => boolean; pauseMs: number },
): Promise<void> {
  const draw = deckOf(disasters, scene.random);
  for (;;) {
    await sleep(pauseMs * (0.3 + scene.random()));
    if (!goesOn()) return;
    const { name, cause, strike } = draw();
    const cutsConnections = cause === "database";
    await scene.weather.strike(cause, name, async () => {
      await strike(scene);
      if (cutsConnections) await scene.stack.reconnect();
    }, async () => {
      if (cutsConnections) await replaceLostConnections(scene.sql);
    });
  }
}

/** With a superuser's connection, once there is one. */
async function asAdmin<T>({ stack }: Scene, work: (admin: postgres.Sql) => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await withConnection(stack.database.adminUrl, work);
    } catch (error) {
      if (!AWAY.test((error as { code?: string }).code ?? "")) throw error;
      await sleep(100);
    }
  }
}

const between = ({ random }: Scene, from: number, to: number) => from + random() * (to - from);

export const OF_THE_DATABASE: Disaster[] = [
  {
    name: "the database crashes and comes back",
    cause: "database",
    strike: (scene) => scene.server.restart("immediate", { downMs: between(scene, 0, 2_500) }),
  },
  { name: "SIGKILL of a backend, as by the OOM killer", cause: "database", strike: killBackend },
  {
    name: "the database ends all connections",
    cause: "database",
    strike: (scene) =>
      asAdmin(scene, (admin) =>
        // Wait up to ten seconds for each: a backend that is writing its commit to a slow disk ends late.
        admin`select pg_terminate_backend(pid, 10000) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid()`),
  },
  { name: "the database hangs", cause: "waiting", strike: freezeBackends },
  {
    name: "stocktaking locks every article",
    cause: "waiting",
    strike: (scene) =>
      asAdmin(scene, (admin) =>
        admin.begin(async (sql) => {
          await sql`select from public.inventory order by sku for update`;
          await sleep(between(scene, 300, 1_500));
        })),
  },
];

async function clientsOf(admin: postgres.Sql): Promise<number[]> {
  const rows = await admin<{ pid: number }[]>`
    select pid from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid() order by pid`;
  return rows.map(({ pid }) => pid);
}

/** The server then ends all others and recovers, as after a crash. It is over when this connection has another process behind it. */
async function killBackend(scene: Scene): Promise<void> {
  await asAdmin(scene, async (admin) => {
    const mine = () => admin<{ pid: number }[]>`select pg_backend_pid() as pid`.then(([row]) => row!.pid, () => null);
    const clients = await clientsOf(admin);
    const before = await mine();
    const pid = clients[Math.floor(scene.random() * clients.length)];
    if (pid === undefined) return;
    signal(pid, "SIGKILL");
    for (let now = before; now === before || now === null; now = await mine()) await sleep(50);
  });
}

async function freezeBackends(scene: Scene): Promise<void> {
  const clients = await asAdmin(scene, clientsOf);
  try {
    for (const pid of clients) signal(pid, "SIGSTOP");
    await sleep(between(scene, 300, 2_500));
  } finally {
    for (const pid of clients) signal(pid, "SIGCONT");
  }
}

/** A function of a job, in the middle of a run if there is one, so that faults also strike working functions. */
const kill = (name: string): Disaster => ({
  name: `SIGKILL of ${name}`,
  cause: "waiting",
  async strike(scene) {
    if (name !== "lapse-webhook") await isAtWork(scene, name);
    await sleep(between(scene, 0, 2_000));
    await scene.stack.functions.kill(name);
  },
});

async function isAtWork(scene: Scene, job: string): Promise<void> {
  for (const until = performance.now() + 15_000; performance.now() < until;) {
    const [run] = await asAdmin(scene, (admin) =>
      admin`
        select from lapse.runs where job = ${job} and status = 'running' and started_at > now() - interval '5 seconds'`);
    if (run) return;
    await sleep(300);
  }
}

export const OF_THE_FUNCTIONS: Disaster[] = [
  kill("expire-stale-orders"),
  kill("expire-stale-orders"),
  kill("cleanup-stale-payment-intents"),
  kill("lapse-webhook"),
  { name: "expire-stale-orders hangs", cause: "waiting", strike: (scene) => freeze(scene, between(scene, 500, 3_000)) },
  // It wakes up in the middle of a run whose lease and claims others have by now.
  {
    name: "expire-stale-orders hangs for longer than its lease",
    cause: "waiting",
    strike: (scene) => freeze(scene, between(scene, 16_000, 18_000)),
  },
];

async function freeze({ stack }: Scene, ms: number): Promise<void> {
  const pid = await stack.functions.pid("expire-stale-orders").catch(() => undefined);
  if (pid === undefined) return;
  signal(pid, "SIGSTOP");
  await sleep(ms);
  signal(pid, "SIGCONT");
}

function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    // It has ended itself.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
