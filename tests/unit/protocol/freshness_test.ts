import assert from "node:assert/strict";
import fc from "fast-check";
import type { StripeIntent } from "../../../functions/_shared/stripe/objects.ts";
import type { Outcome } from "../../../functions/_shared/stripe/outcome.ts";
import { intent, order, payment } from "../rules/builders.ts";
import { examine, succeeded } from "./expect-decision.ts";
import { fakeStripe, lost, throttled, unsent } from "./fake-stripe.ts";

const anyCancel: fc.Arbitrary<Outcome<StripeIntent> | null> = fc.constantFrom(
  null,
  null,
  throttled,
  lost("timeout"),
  unsent("crowded"),
);

Deno.test("every cancel directly follows a read of its own payment, whatever the cancel's outcome", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom("open", "paid", "expired"),
      fc.boolean(),
      fc.array(fc.array(anyCancel, { maxLength: 6 }), { maxLength: 5 }),
      async (count, status, onePaid, cancels) => {
        const ids = Array.from({ length: count }, (_, index) => `pi_${index}`);
        const stripe = fakeStripe(Object.fromEntries(ids.map((id) => [id, intent({ id })])));
        if (onePaid) stripe.set("pi_0", { ...succeeded, id: "pi_0" });
        for (const [index, outcomes] of cancels.entries()) {
          // Those that are scripted as null are executed.
          for (const outcome of outcomes) if (outcome) stripe.answer("cancelIntent", `pi_${index}`, outcome);
        }
        await examine(stripe, order({ status, payments: ids.map((stripeId) => payment({ stripeId })) }));
        for (const [index, call] of stripe.calls.entries()) {
          if (!call.startsWith("cancelIntent")) continue;
          assert.equal(stripe.calls[index - 1], `readIntent ${call.split(" ")[1]}`, stripe.calls.join(", "));
        }
      },
    ),
    { numRuns: 500 },
  );
});
