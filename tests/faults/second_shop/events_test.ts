import { inSecondShop } from "../../second-shop/in-second-shop.ts";

const { test } = Deno;
await inSecondShop((name, work) => test(name, work), () => import("../events_test.ts"));
