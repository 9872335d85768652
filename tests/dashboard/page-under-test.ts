import { type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import postgres from "postgres";
import { type Served, serveDashboard } from "../../cli/dashboard/serve.ts";
import { startDatabases } from "../../local/platform/databases.ts";
import { type Stack, startStack } from "../../local/stack/start.ts";
import { shopOptions } from "../support/shop-under-test.ts";
import { eventually } from "../integration/eventually.ts";
import { launch } from "./browser.ts";

// The tests of a file read the same shop, as starting functions for each would take most of the time.

export type Site = { stack: Stack; sql: postgres.Sql; served: Served };

const parts = new AsyncDisposableStack();
let browser: Browser;
let site: Site;

/** Opens one shop for the tests of a file, which `fill` prepares, and one browser. Call it once, at the top. */
export function openSite(fill: (site: Site) => Promise<unknown>): void {
  Deno.test.beforeAll(async () => {
    const databases = await startDatabases(shopOptions());
    parts.defer(() => databases.stop());
    const stack = parts.use(await startStack({ databases, workers: false, simulator: { preset: "unlimited" } }));
    const sql = postgres(stack.database.url, { max: 2, onnotice: () => {} });
    parts.defer(() => sql.end({ timeout: 1 }));
    const { apiUrl: url, publishableKey } = stack;
    const served = await serveDashboard({ url, publishableKey }, { port: 0 });
    parts.defer(served.close);
    browser = await launch();
    parts.defer(() => browser.close());
    site = { stack, sql, served };
    await fill(site);
    // A function's first answer takes long, and under load a page would say that it does not answer.
    const isAwake = async () =>
      (await (await fetch(`${url}/functions/v1/lapse-health`)).json()).reasons?.[0] !== "database_unreachable";
    await eventually(isAwake, "lapse-health answers", 120);
  });
  Deno.test.afterAll(() => parts.disposeAsync());
}

/** What a test gets. `complaints` is what the page or its Content-Security-Policy found wrong. */
export type PageUnderTest = Site & { page: Page; complaints: string[] };

/** Opens the dashboard in a fresh browser profile. */
export async function withPage(
  test: (it: PageUnderTest) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    reducedMotion: "reduce",
    ...options,
  });
  try {
    const page = await context.newPage();
    // No test is about time; a machine may have much else to do.
    page.setDefaultTimeout(60_000);
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      // What a request was answered is the business of the tests themselves.
      const isAnswer = message.text().startsWith("Failed to load resource");
      if (message.type() === "error" && !isAnswer) complaints.push(message.text());
    });
    await page.goto(site.served.url);
    await test({ ...site, page, complaints });
  } finally {
    await context.close();
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

/** Places an order whose deadline has passed, with a payment that was never made. */
export async function placeUnpaid({ stack, sql }: Pick<Site, "stack" | "sql">): Promise<void> {
  await sql`insert into public.inventory (sku, on_hand) values ('tea', 100) on conflict do nothing`;
  const [order] = await sql`
    select id from public.place_order(
      p_currency => 'eur', p_amount => 2000, p_items => '[{"sku": "tea", "quantity": 2}]', p_payment_method => 'card',
      p_now => now() - interval '1 hour')`;
  const intent = { amount: 2000, metadata: { order_id: order!.id } };
  const [id] = stack.simulator!.control.createPaymentIntents([intent]);
  await sql`select lapse.attach_payment(${order!.id}, ${id!})`;
}
