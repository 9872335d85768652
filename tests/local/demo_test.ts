import assert from "node:assert/strict";
import { countSwept } from "../../local/demo/progress.ts";
import type { StripeControl } from "../../local/stripe-simulator/control.ts";

Deno.test("the demo's last bar counts every payment that the sweep sees, also those of the first act, and no younger one", () => {
  const now = Math.floor(Date.now() / 1_000);
  const DAY = 86_400;
  const payments = [300 * DAY, 8 * DAY, 6 * DAY, 0].map((age) => ({ created: now - age }));
  assert.equal(countSwept({ paymentIntents: () => payments } as unknown as StripeControl), 2);
});
