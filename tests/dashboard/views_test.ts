import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { eventually } from "../integration/eventually.ts";
import { haveBadWeek } from "./bad-week.ts";
import { signIn } from "./browser.ts";
import { openSite, withPage } from "./page-under-test.ts";

openSite(({ sql }) => haveBadWeek(sql));

Deno.test("after a bad week the overview shows what is wrong, since when, and what to do", async () => {
  await withPage(async ({ stack, page, complaints }) => {
    await signIn(page, stack.viewer!);
    await page.getByRole("region", { name: "Health" }).getByText("an order has waited for too long").waitFor();
    const tiles = (await page.locator(".tiles .value").allInnerTexts()).slice(0, 3);
    assert.deepEqual(tiles, ["1,000+", "64", "23"]);

    const late = page.getByRole("article", { name: /A payment succeeded/ });
    const said = await late.innerText();
    for (const part of ["Critical", "L014", "A-203371", "€89.00", "What to do"]) assert.ok(said.includes(part), part);
    assert.match(
      await late.getByRole("link", { name: /^pi_3Q/ }).getAttribute("href") ?? "",
      /^https:\/\/dashboard\.stripe\.com\/payments\/pi_3Q/,
    );
    assert.match(await late.locator(".command code").last().innerText(), /^lapse alerts --resolve \d+ --reason "…"$/);

    const expire = page.locator(".jobs .card").first();
    for (const part of ["Brake is on", "every 5 min", "braked", "1,341 orders"]) {
      await expire.getByText(part).waitFor();
    }
    await page.locator(".jobs .card").last().getByText("Sundays 03:00, Europe/Paris").waitFor();
    assert.equal(await page.locator(".chart canvas").count(), 6);
    assert.deepEqual(complaints, []);
  });
});

Deno.test("a chart's numbers can be read as a table, and one outlier does not flatten the others", async () => {
  await withPage(async ({ stack, page }) => {
    await signIn(page, stack.viewer!);
    const chart = page.getByRole("figure").filter({ hasText: "Orders expired" });
    await chart.locator("canvas").waitFor();
    assert.ok(await filledShare(page) > 0.1, "the bars of ordinary days fill less than a tenth of the chart");
    await chart.getByText("Show the numbers").click();
    await chart.getByRole("cell", { name: "9,420" }).waitFor();
    await page.getByLabel("Days shown").selectOption("90");
    await chart.getByText("in 90 days").waitFor();
  });
});

/** How much of the first chart is inked. */
function filledShare(page: Page): Promise<number> {
  return page.evaluate(() => {
    // deno-lint-ignore no-explicit-any
    const canvas = (globalThis as any).document.querySelector(".chart canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let inked = 0;
    for (let at = 3; at < data.length; at += 4) if (data[at] > 200) inked++;
    return inked / (data.length / 4);
  });
}

Deno.test("lists lead to a run and its decisions and to an order and its timeline, and search finds any order", async () => {
  await withPage(async ({ stack, sql, page, complaints }) => {
    await signIn(page, stack.viewer!);
    await page.getByRole("link", { name: "Runs" }).click();
    const runs = page.getByRole("table", { name: "Runs, newest first" });
    await runs.getByRole("row").filter({ hasText: "key_rejected" }).first().waitFor();
    await page.getByRole("button", { name: "Show older runs" }).click();
    await eventually(async () => await page.locator(".rows tbody tr").count() === 120, "there are older runs", 60);
    await runs.getByRole("row").filter({ hasText: "succeeded" }).first().getByRole("link").first().click();
    const decisions = page.getByRole("table", { name: "Decisions of this run" });
    await decisions.waitFor();
    await page.getByLabel("Outcome").selectOption("expired");
    const rows = decisions.locator("tbody tr");
    const isFiltered = async () => await rows.filter({ hasText: "expired" }).count() === await rows.count();
    await eventually(isFiltered, "only expired orders are listed", 60);
    await decisions.getByRole("link", { name: /^A-/ }).first().click();
    await page.getByRole("heading", { name: /^Order A-/ }).waitFor();
    assert.match(await page.locator(".timeline").innerText(), /2 units back on the shelf[\s\S]*The order was placed/);

    await page.getByRole("link", { name: "Orders", exact: true }).click();
    await page.getByText("payment_not_found").first().click();
    await page.getByRole("link", { name: "A-203390" }).waitFor();
    await page.getByRole("searchbox").fill("A-20337");
    await page.keyboard.press("Enter");
    await page.locator(".found").getByRole("link", { name: "A-203379" }).waitFor();
    const [payment] = await sql`select stripe_id from lapse.payments where ref = 'A-203390'`;
    await page.getByRole("searchbox").fill(payment!.stripe_id);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Order A-203390" }).waitFor();
    for (
      const command of [
        "redrive A-203390",
        "resolve A-203390 --as paid",
        "resolve A-203390 --as expired",
        `declare-dead ${payment!.stripe_id}`,
      ]
    ) {
      await page.locator(".command").filter({ hasText: command }).waitFor();
    }
    assert.deepEqual(complaints, []);
  });
});

Deno.test("refunds that wait for an operator come first, with their commands; an order's page has its alert, its late payment and its refund", async () => {
  await withPage(async ({ stack, page, complaints }) => {
    await signIn(page, stack.viewer!);
    await page.getByRole("link", { name: "Refunds" }).click();
    const groups = page.locator(".group h2");
    await groups.first().waitFor();
    assert.deepEqual(await groups.allInnerTexts(), ["Held 2", "Failed 1", "Under way 1", "Refunded 8"]);
    const failed = page.locator(".group").nth(1);
    await failed.getByText("charge_disputed").waitFor();
    const ref = await failed.getByRole("link", { name: /^A-/ }).innerText();
    const commands = [`lapse refunds --release held --reason "…"`, `lapse refunds --release ${ref} --reason "…"`];
    assert.deepEqual(await page.locator(".command code").allInnerTexts(), commands);

    await failed.getByRole("link", { name: ref }).click();
    await page.getByRole("article", { name: "A refund failed" }).waitFor();
    const late = page.getByRole("table", { name: "Payments of the order" }).getByRole("row").filter({
      hasText: "pi_3R",
    });
    assert.match(await late.innerText(), /late payment/);
    await page.getByRole("table", { name: "Refunds of the order" }).getByText("charge_disputed").waitFor();
    assert.deepEqual(complaints, []);
  });
});

Deno.test("everything can be reached and commands can be copied by keyboard", async () => {
  await withPage(async ({ stack, page }) => {
    await page.getByLabel("E-mail address").focus();
    await page.keyboard.type(stack.viewer!.email);
    await page.keyboard.press("Tab");
    await page.keyboard.type(stack.viewer!.password);
    await page.keyboard.press("Enter");
    await page.getByText("5 open alerts").waitFor();
    await page.keyboard.press("Tab");
    await tabTo(page, (name) => name.startsWith("Copy the command"));
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Copied" }).or(page.getByText("Copied")).first().waitFor();
    assert.match(
      await page.evaluate("navigator.clipboard.readText()") as string,
      /^lapse run expire --dry-run$/,
    );
    await tabTo(page, (name) => name === "Skip to the content");
    await tabTo(page, (name) => name === "Runs");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Runs" }).waitFor();
    assert.equal(await page.evaluate("document.activeElement.id"), "main");
  }, { permissions: ["clipboard-read", "clipboard-write"] });
});

/** Presses Tab until an element of this name has the focus; each must be visible then. */
async function tabTo(page: Page, isIt: (name: string) => boolean): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    const { name, isVisible } = await page.evaluate(() => {
      // deno-lint-ignore no-explicit-any
      const element = (globalThis as any).document.activeElement;
      const { width, height } = element.getBoundingClientRect();
      return {
        name: element.getAttribute("aria-label") ?? element.innerText ?? "",
        isVisible: width > 0 && height > 0,
      };
    });
    assert.ok(isVisible, `${name} has the focus and cannot be seen`);
    if (isIt(name)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail("Tab never reaches it");
}

for (const [width, colorScheme] of [[390, "light"], [1280, "dark"]] as const) {
  Deno.test(`at ${width} pixels, ${colorScheme}, nothing is wider than the screen and axe finds no fault`, async () => {
    await withPage(async ({ stack, page, served }) => {
      await assertSound(page, "sign-in");
      await signIn(page, stack.operator!);
      const ready = {
        "": ".chart canvas",
        "#/runs": ".rows",
        "#/orders": ".group",
        "#/order/A-203354": ".timeline",
        "#/order/A-203390": ".timeline",
        "#/refunds": ".rows",
      };
      for (const [hash, there] of Object.entries(ready)) {
        await page.goto(served.url + hash);
        await page.locator(there).first().waitFor();
        await assertSound(page, hash);
      }
    }, { viewport: { width, height: 900 }, colorScheme });
  });
}

async function assertSound(page: Page, view: string): Promise<void> {
  const wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
  assert.equal(wide, 0, `${view} can be scrolled sideways`);
  await page.evaluate(axe.source);
  const found = await page.evaluate(
    "axe.run().then(({ violations }) => violations.map((it) => `${it.id}: ${it.nodes[0].html.slice(0, 200)}`))",
  );
  assert.deepEqual(found, [], view);
}
