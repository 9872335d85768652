import { inSecondShop } from "./in-second-shop.ts";

const { test } = Deno;
await inSecondShop((name, work) => test(name, work), () => import("../integration/kinds_of_orders_test.ts"));
