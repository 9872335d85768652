// What tests/integration proves of orders, beyond the core that tests/second-shop runs each time.

import { inSecondShop } from "../../second-shop/in-second-shop.ts";

const { test } = Deno;
await inSecondShop((name, work) => test(name, work), async () => {
  await import("../../integration/brake_and_dry_run_test.ts");
  await import("../../integration/leaving_quarantine_test.ts");
  await import("../../integration/one_run_at_a_time_test.ts");
  await import("../../integration/stripe_trouble_test.ts");
  await import("../../integration/shop_decides_test.ts");
  await import("../../integration/unattached_payments_test.ts");
}, {
  except: [
    // Orders that are inserted without their articles, and deadlines of the order's own.
    /^an order that Lapse does not know is adopted/,
    /^an order placed before the lists begin is quarantined/,
  ],
});
