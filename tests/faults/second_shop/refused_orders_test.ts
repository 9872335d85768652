import { inSecondShop } from "../../second-shop/in-second-shop.ts";

// Its orders are not inserted in bulk.
const { test } = Deno;
await inSecondShop((name, work) => test(name, work), () => import("../refused_orders_test.ts"), {
  except: [/^a shop trigger that takes 3 ms/],
});
