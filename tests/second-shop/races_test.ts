import { inSecondShop } from "./in-second-shop.ts";

const { test } = Deno;
await inSecondShop((name, work) => test(name, work), () => import("../integration/races_test.ts"), {
  // It has no deadline of its own, and no table of payments with the first shop's keys.
  except: [/^a deadline that the shop moves/, /^a payment that the checkout notes by trigger/],
});
