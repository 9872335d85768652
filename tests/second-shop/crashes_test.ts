// In a short form; tests/faults/second_shop has the rest.

import { inSecondShop } from "./in-second-shop.ts";

const { test } = Deno;
await inSecondShop((name, work) => test(name, work), () => import("../faults/crashes_test.ts"), {
  only: [/^expire-stale-orders: the process dies before any step/],
});
