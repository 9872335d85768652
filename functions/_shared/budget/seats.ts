import { unlessAborted } from "./unless-aborted.ts";

/** Requests under way at the same time, to one endpoint. Whoever enters leaves again. */
export type Seats = {
  /** Rejects as soon as the caller gives up; then there is nothing to leave. */
  enter(signal?: AbortSignal | null): Promise<void>;
  leave(): void;
  /** Half as many from now on, and never none. */
  halve(): void;
};

export function createSeats(most: number): Seats {
  let taken = 0;
  const waiting: (() => void)[] = [];
  const offer = () => waiting.shift()?.();
  return {
    async enter(signal) {
      while (taken >= most) {
        const free = Promise.withResolvers<void>();
        waiting.push(free.resolve);
        await unlessAborted(free.promise, signal).catch((error) => {
          // A seat that is offered to somebody who left would stay empty: out of the queue, or on to the next one.
          const place = waiting.indexOf(free.resolve);
          if (place >= 0) waiting.splice(place, 1);
          else offer();
          throw error;
        });
      }
      taken += 1;
    },
    leave() {
      taken -= 1;
      offer();
    },
    halve: () => void (most = Math.max(1, Math.floor(most / 2))),
  };
}
