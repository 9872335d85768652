/** Waits until `check` returns true. The limit only ends a test that hangs, so it is far above what a busy machine needs. */
export async function eventually(check: () => Promise<boolean> | boolean, what: string, seconds = 60): Promise<void> {
  const until = Date.now() + seconds * 1_000;
  while (!await check()) {
    if (Date.now() > until) throw new Error(`Cannot wait any longer until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
