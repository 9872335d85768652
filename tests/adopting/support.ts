/**
 * Stands in for tests/integration/support.ts when its tests are run against the second shop of docs/adopting.md: the same shop's
 * interface, over other tables. tests/adopting/second_shop_test.ts puts it there.
 */
import * as first from "../integration/support.ts";
import { assertNothingLost, becomeSecondShop } from "./second-shop.ts";

export type Shop = first.Shop;
export const { eventually } = first;

export const withShop: typeof first.withShop = (options, test) =>
  first.withShop(options, async (shop) => {
    const shelves = await becomeSecondShop(shop.sql);
    await test(shop);
    await assertNothingLost(shop.sql, shelves);
  });
