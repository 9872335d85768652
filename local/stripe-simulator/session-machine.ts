import { cancel, CANCELABLE } from "./intent-machine.ts";
import type { Store } from "./store.ts";
import type { StoredSession } from "./stored.ts";

/** How long a recovery URL works, in seconds: see DIVERGENCES.md. */
export const RECOVERY_SECONDS = 30 * 86_400;

/**
 * Expires an open session, and cancels its intent if `cancelIntent` says so (when Stripe does that is not verified).
 */
export function expire(store: Store, session: StoredSession, options: { cancelIntent: boolean }): void {
  session.status = "expired";
  if (session.recovery !== null) session.recovery.until = store.around.clock.nowSeconds() + RECOVERY_SECONDS;
  store.emit("checkout.session.expired", session);
  const intent = session.intent === null ? undefined : store.intents.get(session.intent);
  if (options.cancelIntent && intent !== undefined && CANCELABLE.includes(intent.status)) {
    cancel(store, intent, "expired");
  }
}

/** Expires an open session when its time is over. Called before every access to it. */
export function expireIfDue(store: Store, session: StoredSession, options: { cancelIntent: boolean }): StoredSession {
  const due = session.status === "open" && session.expiresAt * 1000 <= store.around.clock.nowMs();
  if (due) expire(store, session, options);
  return session;
}

/**
 * The customer opens the recovery URL, which creates a copy of the expired session. Null if there is no such URL or it
 * has expired.
 */
export function recover(store: Store, session: StoredSession): StoredSession | null {
  const { clock, newId } = store.around;
  const now = clock.nowSeconds();
  if (session.recovery?.until == null || session.recovery.until <= now) return null;
  const copy: StoredSession = {
    ...session,
    id: newId(store.livemode ? "cs_live_a1" : "cs_test_a1"),
    created: now,
    seq: store.nextSeq(),
    status: "open",
    expiresAt: now + 86_400,
    intent: null,
    recovery: { ...session.recovery, until: null },
    recoveredFrom: session.id,
  };
  store.addSession(copy);
  return copy;
}
