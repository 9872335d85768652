import type { Store } from "./store.ts";

/**
 * Records the status that an answer shows of every intent in it: the object itself, one in a session, or those of a
 * page.
 */
export function noteShown(store: Store, answer: object): void {
  const { object, id, status, data, payment_intent } = answer as Record<string, unknown>;
  if (Array.isArray(data)) { for (const shown of data) noteShown(store, shown); }
  else if (typeof payment_intent === "object" && payment_intent !== null) noteShown(store, payment_intent);
  else if (object === "payment_intent") {
    const intent = store.intents.get(id as string);
    if (intent) intent.statusShown = status as string;
  }
}
