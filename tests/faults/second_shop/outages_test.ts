import { inSecondShop } from "../../second-shop/in-second-shop.ts";

await inSecondShop(() => import("../outages_test.ts"));
