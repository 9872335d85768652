// Takes pictures of the dashboard after a bad week: deno run -A tests/dashboard/pictures.ts FOLDER

import { createHash } from "node:crypto";
import { serveDashboard } from "../../cli/dashboard/serve.ts";
import { startDatabases } from "../../local/platform/databases.ts";
import { startStack } from "../../local/stack/start.ts";
import { withConnection } from "../../local/postgres/databases.ts";
import { shopOptions } from "../support/shop-under-test.ts";
import { haveBadWeek } from "./bad-week.ts";
import { launch, signIn } from "./browser.ts";

/** [name of the picture, address, what is there once the view is drawn] */
const VIEWS = [
  ["runs", "#/runs", ".rows"],
  ["run", `#/run/${uuidOf("run12")}`, ".rows"],
  ["orders", "#/orders", ".group details"],
  ["order", "#/order/A-203380", ".timeline"],
] as const;

const folder = Deno.args[0] ?? ".";
await Deno.mkdir(folder, { recursive: true });
const databases = await startDatabases(shopOptions());
try {
  await using stack = await startStack({ databases, workers: false });

  await withConnection(stack.database.url, haveBadWeek);
  const served = await serveDashboard({ url: stack.apiUrl, publishableKey: stack.publishableKey }, { port: 0 });
  const browser = await launch();
  for (const width of [390, 1280]) {
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme, deviceScaleFactor: 1 });
      page.on("console", (message) => console.log(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => console.log(error.message));
      await page.goto(served.url);
      const take = (name: string, whole = true) =>
        page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png`, fullPage: whole });
      await take("sign-in");
      await signIn(page, stack.operator!);
      await page.locator(".chart canvas").last().waitFor();
      await take("overview");
      for (const [name, hash, ready] of VIEWS) {
        await page.goto(`${served.url}${hash}`);
        await page.locator(ready).first().waitFor();
        await take(name);
      }
      await page.close();
    }
  }
  await browser.close();
  await served.close();
} finally {
  await databases.stop();
}
/** PostgreSQL's md5(text)::uuid, which bad-week.sql makes its runs' ids of. */
function uuidOf(text: string): string {
  return createHash("md5").update(text).digest("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
