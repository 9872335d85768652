/** Timers that end early when the simulator closes, so that none outlives it. */
export class Timers {
  readonly #waiting = new Map<number, () => void>();
  closed = false;

  sleep(ms: number): Promise<void> {
    if (ms <= 0 || this.closed) return Promise.resolve();
    return new Promise((resolve) => {
      const handle = setTimeout(() => {
        this.#waiting.delete(handle);
        resolve();
      }, ms) as unknown as number;
      this.#waiting.set(handle, resolve);
    });
  }

  close(): void {
    this.closed = true;
    for (const [handle, resolve] of this.#waiting) {
      clearTimeout(handle);
      resolve();
    }
    this.#waiting.clear();
  }
}
