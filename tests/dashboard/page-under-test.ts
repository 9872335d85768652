import { type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { type Served, serveDashboard } from "../../cli/dashboard/serve.ts";
import type { Stack } from "../../local/stack/start.ts";
import { launch } from "./browser.ts";

let browser: Browser;
Deno.test.beforeAll(async () => void (browser = await launch()));
Deno.test.afterAll(() => browser?.close());

export type PageUnderTest = { page: Page; served: Served; complaints: string[] };

/**
 * Opens the dashboard of this stack in a fresh browser profile, as `lapse dashboard` serves it. `complaints` collects what the page or
 * its Content-Security-Policy found wrong; a test that expects none says so.
 */
export async function withPage(
  { apiUrl: url, publishableKey }: Pick<Stack, "apiUrl" | "publishableKey">,
  test: (it: PageUnderTest) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const served = await serveDashboard({ url, publishableKey }, { port: 0 });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    // What a request was answered is the business of the tests themselves.
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        complaints.push(message.text());
      }
    });
    await page.goto(served.url);
    await test({ page, served, complaints });
  } finally {
    await context.close();
    await served.close();
  }
}

/** Asks the project from within the page, with the session that the page has. Answers the status and the body. */
export function ask(
  page: Page,
  path: string,
  init: { method?: string; body?: string } = {},
): Promise<{ status: number; body: unknown }> {
  return page.evaluate(async ({ path, init }) => {
    const { publishableKey } = await (await fetch("config.json")).json();
    const session = JSON.parse(sessionStorage.getItem("lapse-dashboard") ?? "null");
    const headers = {
      apikey: publishableKey,
      "content-type": "application/json",
      ...(session ? { authorization: `Bearer ${session.access_token}` } : {}),
    };
    const response = await fetch(path, { ...init, headers });
    return { status: response.status, body: await response.json().catch(() => null) };
  }, { path, init });
}
