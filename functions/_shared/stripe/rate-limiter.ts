/** Bursts a second. Waking up costs more CPU than a call: one by one 1.87 ms a payment, in bursts of five 0.83. */
const BURSTS = 4;
const BURST_MS = 1_000 / BURSTS;

/** Nothing starts for so long after a refusal: Stripe counts by the second. */
const PAUSE_MS = 1_000;

/** However often Stripe refuses, payments go on at this rate, unless the shop asked for less. */
const LOWEST = 0.5;

/**
 * Says how many payments may start, in small bursts four times a second. Arithmetic only: time comes in as an argument, in
 * milliseconds that never jump, and nothing waits here.
 *
 * What a burst does not use is not saved up, but for the part of a payment that is left over: at 6 payments a second every other
 * burst has two. What was used too much is paid off by later bursts.
 */
export class RateLimiter {
  /** As fast as it may get again. */
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

  /** Payments a second at present. */
  get perSecond(): number {
    return this.#perSecond;
  }

  /** Whether one more payment may start now; {@linkcode debit} says that it did. */
  mayStart(now: number): boolean {
    this.#advance(now);
    return now >= this.#pausedUntil && this.#balance >= 1;
  }

  /** In payments; what is owed delays the next ones. */
  debit(payments: number, now: number): void {
    this.#advance(now);
    // A burst that begins late moves the next one, or two of them would meet.
    if (this.#isUntouched) this.#burstAt = now;
    this.#isUntouched = false;
    this.#balance -= payments;
  }

  /** Milliseconds until the next burst. */
  untilNextBurst(now: number): number {
    this.#advance(now);
    return Math.max(this.#burstAt + BURST_MS, this.#pausedUntil) - now;
  }

  /** A new target, from what other processes leave. One that was slowed down stays so until clean seconds restore it. */
  setRate(perSecond: number): void {
    const isSlowed = this.#perSecond < this.#target;
    this.#target = perSecond;
    this.#perSecond = isSlowed ? Math.min(this.#perSecond, perSecond) : perSecond;
  }

  /** Stripe refused a call that was sent at `sentAt`. One that left before the last pause was over counts together with it. */
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
      // Below four a second no burst has a whole payment: they add up to one.
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
