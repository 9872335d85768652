import { StripeRefusal } from "./errors.ts";

export type SavedReply = { status: number; body: string; requestId: string };
type Entry = { path: string; params: string; savedAtMs: number; reply: SavedReply | null };

const KEPT_MS = 24 * 3_600_000;

/**
 * Replies saved under `Idempotency-Key`, per account and mode (docs.stripe.com/api/idempotent_requests): the first
 * reply after execution began, including 500s, but no validation failures, conflicts or 429s. They are kept for 24
 * simulated hours.
 */
export class IdempotentReplies {
  readonly #entries = new Map<string, Entry>();

  constructor(readonly nowMs: () => number) {}

  /**
   * The reply to replay, or null for a new key. Throws 400 if the parameters differ, and 409 while the first call is
   * executing.
   */
  find(key: string, call: { path: string; params: string }): SavedReply | null {
    if (key.length > 255) throw idempotencyError(400, "Idempotency keys may be at most 255 characters long.");
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (this.nowMs() - entry.savedAtMs > KEPT_MS) {
      this.#entries.delete(key);
      return null;
    }
    if (entry.path !== call.path) {
      throw idempotencyError(
        400,
        "Keys for idempotent requests can only be used for the same endpoint they were first used for " +
          `('${call.path}' vs '${entry.path}'). Try using a key other than '${key}' if you meant to execute a different request.`,
      );
    }
    if (entry.params !== call.params) {
      throw idempotencyError(
        400,
        "Keys for idempotent requests can only be used with the same parameters they were first used with. " +
          `Try using a key other than '${key}' if you meant to execute a different request.`,
      );
    }
    if (entry.reply === null) {
      throw idempotencyError(
        409,
        `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, ` +
          `and the other request is still going through): ${key}. Try again later.`,
        "idempotency_key_in_use",
      );
    }
    return entry.reply;
  }

  /** Marks the key as used, because execution begins. */
  begin(key: string, call: { path: string; params: string }): void {
    this.#entries.set(key, { ...call, savedAtMs: this.nowMs(), reply: null });
  }

  save(key: string, reply: SavedReply): void {
    const entry = this.#entries.get(key);
    if (entry) entry.reply = reply;
  }

  /** Frees the key again, because the call's result is not saved. */
  forget(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }
}

function idempotencyError(status: number, message: string, code?: string): StripeRefusal {
  return new StripeRefusal(status, { type: "idempotency_error", message, code }, { saved: false });
}
