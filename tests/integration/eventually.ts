/** Waits until `check` answers true; fails after `seconds`. */
export async function eventually(check: () => Promise<boolean> | boolean, what: string, seconds = 20): Promise<void> {
  const until = Date.now() + seconds * 1_000;
  while (!await check()) {
    if (Date.now() > until) throw new Error(`Cannot wait any longer until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
