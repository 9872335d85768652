/** Stands in for tests/integration/cleanup/bench.ts, as support.ts does for its namesake. */
import * as first from "../integration/cleanup/bench.ts";
import { becomeSecondShop } from "./second-shop.ts";

export type Bench = first.Bench;

export const withBench: typeof first.withBench = (test, options) =>
  first.withBench(async (bench) => {
    await becomeSecondShop(bench.sql);
    await test(bench);
  }, options);
