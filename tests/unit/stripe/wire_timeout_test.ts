import assert from "node:assert/strict";
import { createBudgetedFetch } from "../../../functions/_shared/budget/budgeted-fetch.ts";
import { createStripeGateway } from "../../../functions/_shared/stripe/gateway.ts";

type Wire = (signal: AbortSignal) => Promise<Response>;

/** What the gateway says of an attempt that its own time limit on the wire ends. */
async function kindOf(wire: Wire): Promise<string> {
  const gateway = createStripeGateway({
    secretKey: "sk_test_unit",
    fetch: createBudgetedFetch({
      fetch: (_input, init) => wire(init!.signal!),
      budget: { acquire: () => Promise.resolve(), throttled: () => Promise.resolve() },
      timeoutMs: 10,
      statistics: { calls: 0, throttled: 0, callsByEndpoint: {} },
    }),
  });
  const reply = await gateway.readIntent({ id: "pi_1", account: null });
  return reply.ok ? "ok" : reply.failure.kind;
}

Deno.test("an attempt that Stripe does not answer in time is a timeout, not a lost connection", async () => {
  const silent: Wire = (signal) => new Promise((_, reject) => onAbort(signal, reject));
  assert.equal(await kindOf(silent), "timeout");
});

Deno.test("an answer that stops in its middle until the time is over is a timeout, too", async () => {
  const halting: Wire = (signal) =>
    Promise.resolve(
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new TextEncoder().encode('{"id":'));
            onAbort(signal, (reason) => controller.error(reason));
          },
        }),
      ),
    );
  assert.equal(await kindOf(halting), "timeout");
});

function onAbort(signal: AbortSignal, then: (reason: unknown) => void): void {
  signal.addEventListener("abort", () => then(signal.reason));
}
