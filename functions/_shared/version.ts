/** The release of Lapse that this function belongs to. `lapse doctor` compares it with the database's. */
export const VERSION = "0.2.0";

/** The API version of Stripe that the rules were written for. Webhook endpoints have their own. */
export const STRIPE_API_VERSION = "2026-10-28.endive";
