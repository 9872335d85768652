// Cancels the intents it is told on standard input, 25 at a time, and prints the CPU milliseconds that took. See bare-calls.ts.
import process from "node:process";

const { apiBase, ids } = JSON.parse(await new Response(Deno.stdin.readable).text());
const queue = ids.values();
const before = process.cpuUsage();
await Promise.all(Array.from({ length: 25 }, async () => {
  for (const id of queue) {
    const response = await fetch(`${apiBase}/v1/payment_intents/${id}/cancel`, {
      method: "POST",
      headers: {
        authorization: "Bearer sk_test_local",
        "content-type": "application/x-www-form-urlencoded",
        "idempotency-key": id,
      },
      body: "cancellation_reason=abandoned",
    });
    if ((await response.json()).status !== "canceled") throw new Error(`Cannot cancel ${id}`);
  }
}));
const { user, system } = process.cpuUsage(before);
console.log((user + system) / 1_000);
