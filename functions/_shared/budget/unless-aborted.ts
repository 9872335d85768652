import { UnsentCallError } from "../errors.ts";

/** Settles as the promise does, or rejects as soon as the caller gives up: then the call was not sent. */
export function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal | null): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const giveUp = () =>
      reject(new UnsentCallError("out_of_time", "Cannot wait for a call's turn any longer: its caller gave up"));
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp));
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp, { once: true });
  });
}
