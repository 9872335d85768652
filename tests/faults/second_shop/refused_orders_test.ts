import { inSecondShop } from "../../second-shop/in-second-shop.ts";

await inSecondShop(() => import("../refused_orders_test.ts"));
