import type { SweepSlice } from "../_shared/payments.ts";
import type { IntentPage } from "../_shared/stripe/gateway.ts";
import { outcomeOf } from "../_shared/stripe/outcome.ts";
import type { Cleanup } from "./cleanup.ts";
import type { BatchEnd } from "./work-on-payments.ts";

/** The most that Stripe lists at once. */
const PAGE = 100;

/** Reads the next page of the account's list, newest first, or says why the run has to end. */
export async function readPage(
  { createdFrom, createdTo, cursor, reached }: Omit<SweepSlice, "id">,
  { ports: { gateway } }: Cleanup,
): Promise<IntentPage | BatchEnd> {
  const all = { createdGte: createdFrom, createdLt: createdTo, startingAfter: cursor, limit: PAGE, account: null };
  let outcome = outcomeOf(await gateway.listIntents(all), "read");
  if (outcome.kind === "quarantine" && cursor !== null) {
    // Stripe does not know the cursor any more, as after test data was deleted. Its time will do: the second is read again.
    const rest = { ...all, createdLt: new Date(reached.getTime() + 1_000), startingAfter: null };
    outcome = outcomeOf(await gateway.listIntents(rest), "read");
  }
  switch (outcome.kind) {
    case "object":
      return outcome.object;
    case "stop":
      return { kind: "stopped", why: outcome.why };
    case "out_of_time":
      return { kind: "out_of_time" };
    case "unknown":
    case "quarantine":
      return { kind: "list_failed", why: outcome.why };
    default:
      return { kind: "list_failed", why: outcome.kind === "busy" ? "object_busy" : "throttled" };
  }
}
