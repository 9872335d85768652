// Commands to copy. Values from the database are quoted, so that no ref can become a second command.

/** As in the alerts. In Lapse's own repository it is npm run --silent lapse --, in a shop's npx lapse. */
const LAPSE = "lapse";

/**
 * A command of `lapse`; a reason is left for the operator to write.
 *
 * @param {string} words the command
 * @param {string | null} argument is quoted
 * @param {string} options are not
 */
export function lapse(words, argument = null, options = "") {
  const given = argument === null ? "" : ` ${quoted(argument)}`;
  return `${LAPSE} ${words}${given}${options && ` ${options}`}`;
}

/** One word for a POSIX shell. */
export function quoted(text) {
  return /^[\w][\w.:@/-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

const WORDS = { "expire-stale-orders": "expire", "cleanup-stale-payment-intents": "cleanup" };

/** The word that commands use for a job. */
export function wordOf(job) {
  return WORDS[job] ?? job;
}

/** What may be done with an order in this state: [what it does, the command]. */
export function commandsFor(order, payments) {
  const { ref, status } = order;
  const reason = '--reason "…"';
  const paid = ["You have seen the money", lapse("resolve", ref, `--as paid ${reason}`)];
  if (status === "pending" || status === "expiring") {
    return [["Ask Stripe now, and settle the order as a run would", lapse("sync", ref, reason)], paid];
  }
  if (status !== "quarantined") return [];
  return [
    ["The cause is fixed: return it to the job", lapse("redrive", ref, reason)],
    paid,
    ["It will never be paid: Lapse asks Stripe first", lapse("resolve", ref, `--as expired ${reason}`)],
    ...payments.filter(({ state }) => state === "open").map(({ stripe_id }) => [
      "Stripe can neither find nor cancel this payment",
      lapse("declare-dead", stripe_id, reason),
    ]),
  ];
}
