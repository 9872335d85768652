import { inSecondShop } from "./in-second-shop.ts";

await inSecondShop(() => import("../integration/session_and_intent_test.ts"));
