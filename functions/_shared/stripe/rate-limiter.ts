/** Bursts per second. Waking up costs more CPU than a call: one by one a payment takes 1.87 ms, in bursts of five 0.83 ms. */
const BURSTS = 4;
const BURST_MS = 1_000 / BURSTS;

/** Nothing starts for this long after a refusal, because Stripe counts by the second. */
const PAUSE_MS = 1_000;

/** The lowest rate, in payments per second, however often Stripe refuses. A lower target takes precedence. */
const LOWEST = 0.5;

/**
 * Decides how many payments may start, in small bursts four times a second. It only calculates: it never waits, and the time is an
 * argument, in monotonic milliseconds.
 *
 * An unused burst is lost, except for a fraction of a payment: at 6 payments per second every other burst has two. Later bursts pay off
 * what was used in excess.
 */
export class RateLimiter {
  /** The rate to return to after a slowdown. */
  #target: number;
  #perSecond: number;
  #balance: number;
  #burstAt: number;
  #isUntouched = true;
  #cleanSince: number;
  #pausedUntil = -Infinity;

  constructor(perSecond: number, now: number) {
    this.#target = this.#perSecond = perSecond;
    this.#balance = Math.max(perSecond / BURSTS, 1);
    this.#burstAt = this.#cleanSince = now;
  }

  /** The present rate, in payments per second. */
  get perSecond(): number {
    return this.#perSecond;
  }

  /** Whether one more payment may start now. Call {@linkcode debit} when it does. */
  mayStart(now: number): boolean {
    this.#advance(now);
    return now >= this.#pausedUntil && this.#balance >= 1;
  }

  /** Records that payments started. A negative balance delays the next ones. */
  debit(payments: number, now: number): void {
    this.#advance(now);
    // A burst that begins late postpones the next one; otherwise two could come together.
    if (this.#isUntouched) this.#burstAt = now;
    this.#isUntouched = false;
    this.#balance -= payments;
  }

  /** Milliseconds until the next burst. */
  untilNextBurst(now: number): number {
    this.#advance(now);
    return Math.max(this.#burstAt + BURST_MS, this.#pausedUntil) - now;
  }

  /** Sets a new target. A rate that was slowed down stays lower until seconds without a refusal restore it. */
  setRate(perSecond: number): void {
    const isSlowed = this.#perSecond < this.#target;
    this.#target = perSecond;
    this.#perSecond = isSlowed ? Math.min(this.#perSecond, perSecond) : perSecond;
  }

  /** Halves the rate after Stripe refused a call. Refusals of calls sent before the end of the last pause count as one. */
  slowDown(now: number, sentAt: number): void {
    this.#advance(now);
    if (sentAt <= this.#pausedUntil) return;
    this.#perSecond = Math.min(this.#target, Math.max(this.#perSecond / 2, LOWEST));
    this.#balance = Math.min(this.#balance, 0);
    this.#pausedUntil = this.#cleanSince = now + PAUSE_MS;
  }

  #advance(now: number): void {
    const bursts = Math.floor((now - this.#burstAt) / BURST_MS);
    if (bursts > 0) {
      const burst = this.#perSecond / BURSTS;
      const leftOver = bursts === 1 ? Math.min(Math.max(this.#balance, 0), 0.999) : 0;
      // Below four per second no burst has a whole payment, so fractions add up to one.
      this.#balance = Math.min(this.#balance + bursts * burst, Math.max(burst + leftOver, 1));
      this.#burstAt += bursts * BURST_MS;
      this.#isUntouched = true;
    }
    const seconds = Math.floor((now - this.#cleanSince) / 1_000);
    if (seconds > 0) {
      this.#perSecond = Math.min(this.#target, this.#perSecond + seconds);
      this.#cleanSince += seconds * 1_000;
    }
  }
}
