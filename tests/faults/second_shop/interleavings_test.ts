import { inSecondShop } from "../../second-shop/in-second-shop.ts";

await inSecondShop(() => import("../interleavings_test.ts"));
