/**
 * Allows one writer per object at a time. Stripe serialises confirm and cancel in the same way: exactly one of two
 * racing calls wins.
 */
export class ObjectLocks {
  readonly #queues = new Map<string, Array<() => void>>();

  isFree(id: string): boolean {
    return !this.#queues.has(id);
  }

  /** Takes the lock in order of arrival; returns false if it was not free within `waitMs`. */
  acquire(id: string, waitMs: number): Promise<boolean> {
    const queue = this.#queues.get(id);
    if (queue === undefined) {
      this.#queues.set(id, []);
      return Promise.resolve(true);
    }
    if (waitMs <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const granted = () => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(granted), 1);
        resolve(false);
      }, waitMs);
      queue.push(granted);
    });
  }

  release(id: string): void {
    const next = this.#queues.get(id)?.shift();
    if (next === undefined) this.#queues.delete(id);
    else next();
  }
}
