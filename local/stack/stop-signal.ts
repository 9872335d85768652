import process from "node:process";

/** Resolves at the first SIGINT or SIGTERM, or when the program that started this one is gone; further signals change nothing. */
export function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, () => resolve());
  const parent = process.ppid;
  // A killed parent sends no signal, and a stack nobody can stop keeps its ports and its server for ever.
  Deno.unrefTimer(setInterval(() => process.ppid !== parent && resolve(), 1_000));
  return promise;
}
