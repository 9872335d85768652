// Addresses in Stripe's dashboard.

const HOME = "https://dashboard.stripe.com";

/**
 * Where Stripe's dashboard shows a PaymentIntent; a Checkout Session has no page of its own and is searched for.
 *
 * `account`: a connected account, empty for the platform's own. `livemode`: null if unknown; a session's id says it.
 *
 * @param {{ stripeId: string, account?: string, livemode?: boolean | null }} payment
 */
export function stripeUrl({ stripeId, account = "", livemode = null }) {
  const isTest = stripeId.startsWith("cs_test_") || (livemode === false && !stripeId.startsWith("cs_live_"));
  const place = `${HOME}${account ? `/${encodeURIComponent(account)}` : ""}${isTest ? "/test" : ""}`;
  const id = encodeURIComponent(stripeId);
  return stripeId.startsWith("pi_") ? `${place}/payments/${id}` : `${place}/search?query=${id}`;
}

/** The Stripe ids that an alert's details name, each once. */
export function stripeIdsIn(details) {
  return [...new Set(JSON.stringify(details ?? {}).match(/\b(?:pi|cs)_[A-Za-z0-9_]+/g) ?? [])];
}
