/** Longest text of one field, in characters. */
const MAX_TEXT = 500;

/** What keys, tokens and addresses look like. Ids of payments and orders do not, and stay. */
const SECRETS: RegExp[] = [
  // Stripe: secret, restricted, publishable, webhook; Supabase: sb_secret_…, sb_publishable_…
  /\b(?:sk|rk|pk)_(?:test|live)_\w+/g,
  /\bwhsec_[\w+/=]+/g,
  /\bsb_(?:secret|publishable)_[\w-]+/g,
  /\b(?:Bearer|Basic)\s+\S+/gi,
  // client secrets of intents and sessions open the payment to whoever holds them
  /\b\w+_secret_\w+/g,
  // JSON web tokens
  /\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g,
  // a password in a URL, an address
  /(?<=:\/\/)[^\s/@]+@/g,
  /[\w.+-]+@[\w-]+\.[\w.-]+/g,
];

/** A text fit for a log: keys, tokens and addresses replaced by […], the rest cut to a readable length. */
export function withoutSecrets(text: string): string {
  return SECRETS.reduce((cleaned, secret) => cleaned.replace(secret, "[…]"), text.slice(0, 4 * MAX_TEXT)).slice(
    0,
    MAX_TEXT,
  );
}
