import { mayBeOwnIntent, type StaleFinding } from "../_shared/stripe/decide-stale-payment.ts";
import { standingOf } from "../_shared/stripe/finding.ts";
import { outcomeOf } from "../_shared/stripe/outcome.ts";
import type { Cleanup } from "./cleanup.ts";
import { guarded } from "./guarded.ts";
import { inFlight } from "./in-flight.ts";

/** What an intent's evidence says where Stripe knows no session of it. */
const NONE = "none";

/**
 * Asks Stripe about the few paid intents that are either the own intent of the Checkout Session that paid the order, or a second
 * payment: one call for each. The answer stays with the payment as evidence, as the database has to know it, too.
 */
export async function askForSessions(looked: StaleFinding[], cleanup: Cleanup): Promise<StaleFinding[]> {
  if (!looked.some(mayBeOwnIntent)) return looked;
  return await inFlight(looked, (it) => mayBeOwnIntent(it) ? ask(it, cleanup) : Promise.resolve(it));
}

async function ask({ payment, finding }: StaleFinding, cleanup: Cleanup): Promise<StaleFinding> {
  let sessions: string[] | undefined;
  const asked = await guarded(payment, cleanup, async () => {
    const look = cleanup.lookOf(payment);
    const reply = await look.gateway.sessionsOfIntent({ id: payment.stripeId, account: payment.stripeAccount });
    // The payment is paid, whatever becomes of this question: it is asked again.
    if (!reply.ok) {
      return {
        ...finding,
        standing: standingOf(outcomeOf(reply, "read"), { judge: () => finding.standing, ...look }),
      };
    }
    sessions = reply.object.map(({ id }) => id);
    const own = sessions.find((id) => payment.paidBy.some(({ stripeId }) => stripeId === id)) ?? sessions[0] ?? NONE;
    return { ...finding, evidence: { ...finding.evidence, session: own } };
  });
  return sessions ? { ...asked, sessions } : asked;
}
