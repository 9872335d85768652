import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { signIn } from "./browser.ts";
import { ask, openSite, placeUnpaid, withPage } from "./page-under-test.ts";

const VIEWS = [
  "metrics",
  "metrics_daily",
  "runs",
  "decisions",
  "alerts",
  "orders",
  "payments",
  "refunds",
  "jobs",
  "schedules",
];

openSite(async (site) => {
  const { apiUrl, secretKey: apikey } = site.stack;
  await placeUnpaid(site);
  const body = '{"wait": true}';
  const run = await fetch(`${apiUrl}/functions/v1/expire-stale-orders`, { method: "POST", headers: { apikey }, body });
  assert.equal((await run.json()).status, "succeeded");
  await site.sql`
    insert into lapse.refunds (stripe_id, ref, reason, status, amount, currency, created_at, ended_at)
    select stripe_id, ref, 'order_expired', 'succeeded', 2000, 'eur', now(), now() from lapse.payments`;
  await placeUnpaid(site);
  await site.sql`select lapse.raise_alert('late_payment:x', null, 'critical', 'A payment came late', '{}', now())`;
});

/** What the project answers this page's user: to each view, to a write, and to the start of a run. */
async function answers(page: Page) {
  const reads = await Promise.all(VIEWS.map(async (view) => {
    const { status, body } = await ask(page, `rest/v1/lapse_${view}?limit=1`);
    return `${view} ${status === 200 ? (body as unknown[]).length : status}`;
  }));
  const write = await ask(page, "rest/v1/lapse_alerts?id=gt.0", { method: "PATCH", body: '{"message": "gone"}' });
  const call = await ask(page, "rest/v1/rpc/lapse_disable", { method: "POST", body: "{}" });
  const run = await ask(page, "functions/v1/expire-stale-orders", {
    method: "POST",
    body: '{"wait": true, "dryRun": true}',
  });
  return { reads, write: write.status, call: call.status, run: run.status };
}

Deno.test("a visitor who has not signed in sees only the form, and the project refuses everything", async () => {
  await withPage(async ({ page }) => {
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    assert.equal(await page.getByRole("navigation").count(), 0);
    const said = await answers(page);
    assert.deepEqual(said, { reads: VIEWS.map((view) => `${view} 401`), write: 401, call: 401, run: 401 });
    await page.goto(new URL("#/runs", page.url()).href);
    await page.getByLabel("E-mail address").fill("operator@lapse.test");
    await page.getByLabel("Password").fill("not this one");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "the e-mail address or the password is wrong" }).waitFor();
  });
});

Deno.test("a signed-in customer sees a notice and no data", async () => {
  await withPage(async ({ stack, page }) => {
    const customer = await stack.createUser({ email: "customer@lapse.test", password: "customer-1234" });
    await signIn(page, customer);
    await page.getByText("neither a viewer nor an operator").waitFor();
    assert.equal(await page.locator(".tiles, .rows, .alert").count(), 0);
    const said = await answers(page);
    assert.deepEqual(said, { reads: VIEWS.map((view) => `${view} 0`), write: 403, call: 403, run: 403 });
  });
});

Deno.test("a viewer reads everything, starts nothing, and is signed out with the tab's session", async () => {
  await withPage(async ({ stack, page, complaints }) => {
    await signIn(page, stack.viewer!);
    await page.getByText("1 open alert").waitFor();
    assert.deepEqual(await answers(page), {
      reads: VIEWS.map((view) => `${view} 1`),
      write: 403,
      call: 403,
      run: 403,
    });
    await page.getByRole("link", { name: "Runs" }).click();
    await page.getByText("You are signed in as a viewer").waitFor();
    assert.equal(await page.getByRole("button", { name: "Start a dry run" }).count(), 0);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
    assert.deepEqual(complaints, []);
  });
});

Deno.test("an operator starts a dry run, sees what it would do, and nothing has changed", async () => {
  await withPage(async ({ stack, sql, page, complaints }) => {
    const open = await sql`select ref, status from lapse.orders order by ref`;
    await signIn(page, stack.operator!);
    await page.getByRole("link", { name: "Runs" }).click();
    await page.getByRole("button", { name: "Start a dry run" }).click();
    await page.getByText("It would decide 1 order; it changed nothing.").waitFor();
    const summary = page.getByRole("table", { name: "What a run would do, by outcome" });
    assert.match(await summary.innerText(), /expired\s+1\s+€20\.00\s+2\s+card 1/);
    const command = "lapse run expire --wait --reason";
    await page.locator("code").filter({ hasText: command }).waitFor();
    assert.deepEqual(await sql`select ref, status from lapse.orders order by ref`, open);
    const { write, call, run } = await answers(page);
    assert.deepEqual({ write, call, run }, { write: 403, call: 403, run: 200 });
    assert.deepEqual(complaints, []);
  });
});
