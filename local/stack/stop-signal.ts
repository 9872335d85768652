import process from "node:process";

/** Resolves at the first SIGINT or SIGTERM, or when the parent process has ended. Later signals are ignored. */
export function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, () => resolve());
  const parent = process.ppid;
  // A killed parent sends no signal. Without this check the stack would keep its ports and its server for ever.
  Deno.unrefTimer(setInterval(() => process.ppid !== parent && resolve(), 1_000));
  return promise;
}
