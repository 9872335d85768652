import { inSecondShop } from "./in-second-shop.ts";

await inSecondShop(() => import("../integration/kinds_of_orders_test.ts"));
