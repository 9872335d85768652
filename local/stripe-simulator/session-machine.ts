import { cancel, CANCELABLE } from "./intent-machine.ts";
import type { Store } from "./store.ts";
import type { StoredSession } from "./stored.ts";

/** Ends an open session, and its intent with it when `cancelIntent` says so (Stripe's timing is unverified). */
export function expire(store: Store, session: StoredSession, options: { cancelIntent: boolean }): void {
  session.status = "expired";
  store.emit("checkout.session.expired", session);
  const intent = session.intent === null ? undefined : store.intents.get(session.intent);
  if (options.cancelIntent && intent !== undefined && CANCELABLE.includes(intent.status)) {
    cancel(store, intent, "expired");
  }
}

/** Stripe's own expiry of an open session, by the clock. Called before every look at it. */
export function expireIfDue(store: Store, session: StoredSession, options: { cancelIntent: boolean }): StoredSession {
  const due = session.status === "open" && session.expiresAt * 1000 <= store.around.clock.nowMs();
  if (due) expire(store, session, options);
  return session;
}
