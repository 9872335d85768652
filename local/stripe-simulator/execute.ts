import type { LoggedCall } from "./call-log.ts";
import type { Call, Endpoint } from "./endpoint.ts";
import { lockTimeout, StripeRefusal } from "./errors.ts";
import { errorInsteadOfResult } from "./fault-effects.ts";
import type { Fault } from "./faults.ts";
import type { SavedReply } from "./idempotency.ts";
import { noteShown } from "./note-shown.ts";
import type { Tenant, World } from "./world.ts";

export type Execution = {
  tenant: Tenant;
  endpoint: Endpoint;
  call: Call;
  entry: LoggedCall;
  fault: Fault | null;
  requestId: string;
  /** The path and the parameters. They are compared when the key is used again. */
  fingerprint: { path: string; params: string };
};

/** The reply to a valid call: a saved one, or that of executing it now. Throws refusals that are not saved. */
export async function replayOrExecute(world: World, execution: Execution): Promise<SavedReply & { replayed: boolean }> {
  const { tenant, entry, fingerprint } = execution;
  const key = entry.idempotencyKey;
  const saved = key === null ? null : tenant.replies.find(key, fingerprint);
  if (saved !== null) return { ...saved, replayed: true };
  const run = execution.endpoint.prepare(execution.call);
  if (key !== null) tenant.replies.begin(key, fingerprint);
  try {
    const reply = await execute(world, execution, run);
    if (key !== null) tenant.replies.save(key, reply);
    return { ...reply, replayed: false };
  } catch (error) {
    if (key !== null) tenant.replies.forget(key);
    throw error;
  }
}

async function execute(world: World, execution: Execution, run: () => object): Promise<SavedReply> {
  const { entry, fault, requestId } = execution;
  const before = subjectStatus(execution);
  try {
    await world.timers.sleep(latency(world) / 2);
    const injected = errorInsteadOfResult(fault);
    if (injected !== null && !fault!.executes) throw injected;
    const { store, id } = execution.call;
    const result = await underLock(world, execution, () => {
      entry.statusBefore = before();
      entry.statusShown = store.intents.get(id)?.statusShown ?? null;
      return run();
    });
    noteShown(store, result);
    entry.executed = true;
    if (injected !== null) throw injected;
    if (execution.endpoint.name.endsWith(".create")) entry.objectId = (result as { id: string }).id;
    return { status: 200, body: JSON.stringify(result), requestId };
  } catch (error) {
    if (!(error instanceof StripeRefusal) || !error.saved) throw error;
    // A declined confirm is refused with 402 but has changed the intent.
    if (error.status === 402) entry.executed = true;
    entry.reason = error.body.code ?? null;
    return { status: error.status, body: JSON.stringify({ error: error.body }), requestId };
  } finally {
    entry.statusAfter = before();
    await world.timers.sleep(latency(world) / 2);
  }
}

/** Serialises writes to one object. Without contention and without a hold, it awaits nothing. */
async function underLock(world: World, execution: Execution, run: () => object): Promise<object> {
  const { call, entry } = execution;
  const { lockHoldMs, lockWaitMs } = call.behaviour;
  if (entry.method !== "POST" || call.id === "") return run();
  const lock = lockOf(call.store, call.id);
  if (lockHoldMs === 0 && world.locks.isFree(lock)) return run();
  if (!await world.locks.acquire(lock, lockWaitMs)) throw lockTimeout();
  try {
    await world.timers.sleep(lockHoldMs);
    return run();
  } finally {
    world.locks.release(lock);
  }
}

/** A session and its intent share one lock, because the customer pays both at once. */
export function lockOf(store: Call["store"], id: string): string {
  return store.intents.get(id)?.session ?? id;
}

function subjectStatus({ call }: Execution): () => string | null {
  const { store, id } = call;
  return () => (store.intents.get(id) ?? store.sessions.get(id))?.status ?? null;
}

function latency(world: World): number {
  const [low, high] = world.latencyMs;
  return low === high ? low : low + world.random() * (high - low);
}
