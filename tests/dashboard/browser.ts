import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

/** Debian's Chromium, or the one that CHROMIUM names. */
export function chromiumPath(): string {
  const path = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";
  if (existsSync(path)) return path;
  throw new Error(`Cannot find Chromium at ${path}: install it (apt-get install chromium), or set CHROMIUM`);
}

export function launch(): Promise<Browser> {
  // Chromium refuses its sandbox to root, which is who runs checks in a container.
  return chromium.launch({
    executablePath: chromiumPath(),
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
}

/** Fills in the form as a user would, and waits until the user is signed in. */
export async function signIn(page: Page, { email, password }: { email: string; password: string }): Promise<void> {
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}
