import assert from "node:assert/strict";
import { inFlight } from "../../../functions/cleanup-stale-payment-intents/in-flight.ts";

const ITEMS = Array.from({ length: 100 }, (_, n) => n);
const moment = () => new Promise((resolve) => setTimeout(resolve, 1));

Deno.test("results come in the items' order, whichever was done first", async () => {
  const doubled = await inFlight(ITEMS, async (n) => {
    if (n % 2 === 0) await moment();
    return n * 2;
  });
  assert.deepEqual(doubled, ITEMS.map((n) => n * 2));
});

Deno.test("after a failure nothing is begun, and what is under way ends first", async () => {
  let underWay = 0;
  let begun = 0;
  const work = async (n: number) => {
    begun += 1;
    underWay += 1;
    await moment();
    if (n > 3) await moment();
    underWay -= 1;
    if (n === 3) throw new Error("boom");
  };
  await assert.rejects(inFlight(ITEMS, work), /boom/);
  assert.equal(underWay, 0, "work went on after the end");
  assert.ok(begun < 30, `${begun} items were begun`);
});
