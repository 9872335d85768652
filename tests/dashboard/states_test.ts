import assert from "node:assert/strict";
import { readPage } from "../../cli/dashboard/page.ts";
import { signIn } from "./browser.ts";
import { openSite, placeUnpaid, withPage } from "./page-under-test.ts";

openSite(({ sql }) => sql`select lapse.pause_schedules()`);

Deno.test("a fresh shop has empty lists that say so, and no alert", async () => {
  await withPage(async ({ stack, page, complaints }) => {
    await signIn(page, stack.viewer!);
    await page.getByText("There has never been an alert").waitFor();
    assert.equal(await page.getByText("None in this time").count(), 6);
    assert.equal(await page.locator(".jobs").getByText("Paused", { exact: true }).count(), 2);
    await page.getByRole("link", { name: "Runs" }).click();
    await page.getByText("No run yet").waitFor();
    await page.getByRole("link", { name: "Orders" }).click();
    for (const text of ["No order is quarantined", "No order waits for a payment", "Nothing is due"]) {
      await page.getByText(text).waitFor();
    }
    await page.getByRole("searchbox").fill("X-1");
    await page.keyboard.press("Enter");
    await page.getByText("The ledger has no order “X-1”").waitFor();
    assert.deepEqual(complaints, []);
  });
});

Deno.test("the page shows that it is loading; if the project does not answer it says so and retries", async () => {
  await withPage(async ({ stack, page }) => {
    await signIn(page, stack.viewer!);
    await page.getByText("There has never been an alert").waitFor();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    await page.route("**/rest/v1/lapse_orders*", async (route) => {
      await held;
      await route.abort();
    });
    await page.getByRole("link", { name: "Orders" }).click();
    await page.getByText("Loading …").waitFor({ state: "attached" });
    release();
    await page.getByRole("alert").getByText("Cannot read from the project").waitFor();
    await page.unroute("**/rest/v1/lapse_orders*");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("Nothing is due").waitFor();
  });
});

Deno.test("a session that the project no longer accepts leads back to the form", async () => {
  await withPage(async ({ stack, page }) => {
    await signIn(page, stack.viewer!);
    await page.getByText("There has never been an alert").waitFor();
    const refused = {
      status: 401,
      contentType: "application/json",
      body: '{"code": "PGRST303", "message": "JWT expired"}',
    };
    await page.route("**/rest/v1/*", (route) => route.fulfill(refused));
    await page.getByRole("link", { name: "Orders" }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
  });
});

Deno.test("from another origin, as a static host serves it, the page works under its own policy", async () => {
  const files = await readPage();
  let config = "";
  const host = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/lapse/config.json") return new Response(config);
    const file = files.get(pathname.replace("/lapse/", "/").replace(/\/$/, "/index.html"));
    if (!file) return new Response(null, { status: 404 });
    return new Response(file.body, { headers: { "content-type": file.type } });
  });
  try {
    await withPage(async ({ stack, sql, page, complaints }) => {
      config = JSON.stringify({ url: stack.apiUrl, publishableKey: stack.publishableKey });
      await placeUnpaid({ stack, sql });
      await page.goto(`http://127.0.0.1:${host.addr.port}/lapse/`);
      await signIn(page, stack.operator!);
      await page.locator(".tiles").waitFor();
      await page.getByRole("link", { name: "Runs" }).click();
      await page.getByRole("button", { name: "Start a dry run" }).click();
      await page.getByText("It would decide 1 order").waitFor();
      assert.deepEqual(complaints, []);
    });
  } finally {
    await host.shutdown();
  }
});

Deno.test("a page without a configured project says how to configure one", async () => {
  await withPage(async ({ page }) => {
    const answerConfig = (json: unknown) => page.route("**/config.json", (route) => route.fulfill({ json }));
    await answerConfig({ url: "", publishableKey: "" });
    await page.reload();
    await page.getByRole("heading", { name: "Which project?" }).waitFor();
    await answerConfig({ url: ".", publishableKey: "sb_secret_x" });
    await page.reload();
    await page.getByText("Never put a secret key there").waitFor();
  });
});

Deno.test("the shop's data is shown as text, never as markup", async () => {
  await withPage(async ({ stack, sql, page, complaints }) => {
    const ref = `<img src=x onerror="document.title='broken in'">'; rm -rf /, "a" (b) & 100% #/?`;
    await sql`
      insert into lapse.orders (ref, status, reason, amount, currency, placed_at, deadline, due_since)
      values (${ref}, 'quarantined', 'unreadable', 100, 'eur', now() - interval '1 hour', now() - interval '30 minutes', now())`;
    const details = sql.json({ ref, error: ref });
    await sql`select lapse.raise_alert('late_payment:x', null, 'critical', ${ref}, ${details}, now())`;
    await signIn(page, stack.viewer!);
    await page.getByRole("heading", { name: ref }).waitFor();
    await page.getByRole("link", { name: ref }).click();
    await page.getByRole("heading", { name: `Order ${ref}` }).waitFor();
    const quoted = `'${ref.replaceAll("'", `'\\''`)}'`;
    await page.locator("code").filter({ hasText: `redrive ${quoted} --reason` }).waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    assert.match(await page.title(), /^Order </);
    assert.deepEqual(complaints, []);
  });
});
