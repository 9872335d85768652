import { inSecondShop } from "../../second-shop/in-second-shop.ts";

await inSecondShop(() => import("../crashes_test.ts"));
