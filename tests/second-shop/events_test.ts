// In a short form; tests/faults/second_shop has the rest.

import { inSecondShop } from "./in-second-shop.ts";

const { test } = Deno;
await inSecondShop((name, work) => test(name, work), () => import("../faults/events_test.ts"), {
  only: [/^any two events of an order/, /: revived or refunded, without stock$/],
});
