import { inSecondShop } from "./in-second-shop.ts";

const { test } = Deno;
await inSecondShop((name, work) => test(name, work), () => import("../integration/session_and_intent_test.ts"));
