import { inSecondShop } from "./in-second-shop.ts";

await inSecondShop(() => import("../integration/races_test.ts"), {
  // It has no deadline of its own, and no table of payments with the first shop's keys.
  except: [/^a deadline that the shop moves/, /^a payment that the checkout notes by trigger/],
});
