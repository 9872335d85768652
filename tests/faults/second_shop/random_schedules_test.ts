import { inSecondShop } from "../../second-shop/in-second-shop.ts";

await inSecondShop(() => import("../random_schedules_test.ts"));
