// Takes pictures of the dashboard after a bad week, of every view, on a desk and on a phone, light and dark:
//
//   node local/run.mjs tests/dashboard/pictures.ts FOLDER
//
// Those in docs/images are overview-1280-light.png and the top of overview-390-dark.png, reduced by pngquant.

import { createHash } from "node:crypto";
import { serveDashboard } from "../../cli/dashboard/serve.ts";
import { startDatabases } from "../../local/platform/databases.ts";
import { withConnection } from "../../local/postgres/databases.ts";
import { startStack } from "../../local/stack/start.ts";
import { shopOptions } from "../support/shop-under-test.ts";
import { haveBadWeek } from "./bad-week.ts";
import { launch, signIn } from "./browser.ts";

/** [name of the picture, address, what is there once the view is drawn] */
const VIEWS = [
  ["overview", "#/", ".chart canvas >> nth=5"],
  ["runs", "#/runs", ".rows"],
  ["run", `#/run/${uuidOf("run12")}`, ".rows"],
  ["orders", "#/orders", ".group details"],
  ["order", "#/order/A-203380", ".timeline"],
  ["order-late", "#/order/A-203352", ".timeline"],
  ["refunds", "#/refunds", ".rows"],
] as const;

const folder = Deno.args[0] ?? ".";
await Deno.mkdir(folder, { recursive: true });
const databases = await startDatabases(shopOptions());
await using stack = await startStack({ databases, workers: false });
await withConnection(stack.database.url, haveBadWeek);
const served = await serveDashboard({ url: stack.apiUrl, publishableKey: stack.publishableKey }, { port: 0 });
const browser = await launch();
for (const width of [390, 1280]) {
  for (const colorScheme of ["light", "dark"] as const) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    // A machine that is busy with other work draws slowly.
    page.setDefaultTimeout(120_000);
    await page.goto(served.url);
    await page.screenshot({ path: `${folder}/sign-in-${width}-${colorScheme}.png` });
    await signIn(page, stack.operator!);
    for (const [name, hash, ready] of VIEWS) {
      await page.goto(served.url + hash);
      await page.locator(ready).first().waitFor();
      await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png`, fullPage: true });
    }
    await page.close();
  }
}
await browser.close();
await served.close();
await stack.stop();
await databases.stop();
Deno.exit();

/** PostgreSQL's md5(text)::uuid, which bad-week.sql makes its runs' ids of. */
function uuidOf(text: string): string {
  const hash = createHash("md5").update(text).digest("hex");
  return hash.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
