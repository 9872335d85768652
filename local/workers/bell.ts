export type Bell = {
  /** Wakes who waits; if nobody does, the next wait ends at once. */
  ring(): void;
  /** Ends at the next ring, or after `ms` milliseconds if given. For one waiter at a time. */
  wait(ms?: number): Promise<void>;
};

/** A latch: a ring is never lost, several rings before a wait count as one. */
export function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | undefined;

  function ring(): void {
    rung = true;
    wake?.();
  }

  async function wait(ms?: number): Promise<void> {
    if (!rung) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (ms !== undefined) timer = setTimeout(resolve, ms);
      });
      clearTimeout(timer);
      wake = undefined;
    }
    rung = false;
  }
  return { ring, wait };
}
