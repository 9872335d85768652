/**
 * Counts calls under way at the same time. Whoever enters leaves again.
 *
 * Only the first call of a payment asks whether there is room: a cancel that waited would act on an old look. Time comes in as an
 * argument, in milliseconds that never jump.
 */
export class Semaphore {
  readonly #most: number;
  #permits: number;
  #inside = 0;
  #halvedAt = -Infinity;

  constructor(permits: number) {
    this.#most = this.#permits = permits;
  }

  hasRoom(now: number): boolean {
    return this.#inside < this.#permitsAt(now);
  }

  enter(): void {
    this.#inside += 1;
  }

  leave(): void {
    this.#inside -= 1;
  }

  /** Half as many from now on, and never none; each second brings one back. Calls of before the last time count together with it. */
  halve(now: number, sentAt: number): void {
    if (sentAt <= this.#halvedAt) return;
    this.#permits = Math.max(1, Math.floor(this.#permitsAt(now) / 2));
    this.#halvedAt = now;
  }

  #permitsAt(now: number): number {
    const seconds = Math.floor((now - this.#halvedAt) / 1_000);
    return seconds === Infinity ? this.#most : Math.min(this.#most, this.#permits + seconds);
  }
}
