import { CallLog } from "./call-log.ts";
import { createClock, type SimulatorClock } from "./clock.ts";
import { type Behaviour, DEFAULT_BEHAVIOUR } from "./endpoint.ts";
import { FaultBook } from "./faults.ts";
import { IdempotentReplies } from "./idempotency.ts";
import { Ledger } from "./ledger.ts";
import { Limiter, type Limits, PRESETS } from "./limits.ts";
import { ObjectLocks } from "./locks.ts";
import { createIdMaker, seededRandom } from "./random.ts";
import { Store } from "./store.ts";
import { Timers } from "./timers.ts";
import { WebhookSender } from "./webhooks.ts";

export type WorldOptions = {
  preset?: "sandbox" | "live" | "unlimited";
  /** The time from arrival to reply; the call takes effect at half of it. A pair is a range, drawn by the seed. */
  latencyMs?: number | [number, number];
  now?: Date;
  /** Makes ids and latencies repeatable. By default random, so that two simulators never use the same ids. */
  seed?: number;
  behaviour?: Partial<Behaviour>;
  /** The accounts that `Stripe-Account` may name. By default every `acct_…` is connected. */
  connectedAccounts?: string[];
};

/** One account in one mode, with Stripe's state per account: objects, limits, saved replies. */
export type Tenant = { store: Store; limiter: Limiter; replies: IdempotentReplies };

/** The whole state of one simulator. */
export type World = {
  clock: SimulatorClock;
  random: () => number;
  timers: Timers;
  ledger: Ledger;
  log: CallLog;
  faults: FaultBook;
  locks: ObjectLocks;
  webhooks: WebhookSender;
  limits: Limits;
  behaviour: Behaviour;
  latencyMs: [number, number];
  connectedAccounts: Set<string> | null;
  revokedKeys: Set<string>;
  /** What a key may not do: endpoint names, or "*" for everything. */
  forbidden: Map<string, Set<string>>;
  accountOfKey: Map<string, string>;
  /** Bugs in the simulator itself. Must stay empty. */
  defects: string[];
  newId: (prefix: string) => string;
  tenant(account: string, livemode: boolean): Tenant;
  tenants(): Tenant[];
};

export function createWorld(options: WorldOptions = {}): World {
  const clock = createClock(options.now);
  const seed = options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  const random = seededRandom(seed);
  const timers = new Timers();
  const ledger = new Ledger();
  const webhooks = new WebhookSender(timers, clock.nowSeconds);
  const newId = createIdMaker(seededRandom(seed + 1));
  const tenants = new Map<string, Tenant>();
  const around = { clock, ledger, newId, onEvent: webhooks.send.bind(webhooks) };
  return {
    clock,
    random,
    timers,
    ledger,
    webhooks,
    newId,
    log: new CallLog(),
    faults: new FaultBook(),
    locks: new ObjectLocks(),
    limits: structuredClone(PRESETS[options.preset ?? "sandbox"]),
    behaviour: { ...DEFAULT_BEHAVIOUR, ...options.behaviour },
    latencyMs: latencyRange(options.latencyMs ?? 0),
    connectedAccounts: options.connectedAccounts ? new Set(options.connectedAccounts) : null,
    revokedKeys: new Set(),
    forbidden: new Map(),
    accountOfKey: new Map(),
    defects: [],
    tenant(account, livemode) {
      const name = `${account} ${livemode}`;
      let tenant = tenants.get(name);
      if (tenant === undefined) {
        const store = new Store(account, livemode, around);
        tenant = { store, limiter: new Limiter(), replies: new IdempotentReplies(clock.nowMs) };
        tenants.set(name, tenant);
      }
      return tenant;
    },
    tenants: () => [...tenants.values()],
  };
}

export function latencyRange(latencyMs: number | [number, number]): [number, number] {
  return typeof latencyMs === "number" ? [latencyMs, latencyMs] : latencyMs;
}
