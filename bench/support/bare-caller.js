// What nobody can do without, and nothing else: sends the calls it is told on standard input, 25 at a time, parses the answers, and
// prints the CPU milliseconds that took. See bare-calls.ts.
import process from "node:process";

const { apiBase, ids = [], pages = [] } = JSON.parse(await new Response(Deno.stdin.readable).text());
const headers = { authorization: "Bearer sk_test_local" };
const form = { ...headers, "content-type": "application/x-www-form-urlencoded" };

async function readAndCancel(id) {
  const url = `${apiBase}/v1/payment_intents/${id}`;
  await (await fetch(url, { headers })).json();
  const cancelled = await fetch(`${url}/cancel`, {
    method: "POST",
    headers: { ...form, "idempotency-key": id },
    body: "cancellation_reason=abandoned",
  });
  if ((await cancelled.json()).status !== "canceled") throw new Error(`Cannot cancel ${id}`);
}

async function readPages({ from, to }) {
  for (let after = "", more = true; more;) {
    const query = `limit=100&created[gte]=${from}&created[lt]=${to}${after && `&starting_after=${after}`}`;
    const page = await (await fetch(`${apiBase}/v1/payment_intents?${query}`, { headers })).json();
    after = page.data.at(-1)?.id ?? "";
    more = page.has_more;
  }
}

const queue = ids.values();
const before = process.cpuUsage();
await Promise.all(Array.from({ length: 25 }, async () => {
  for (const id of queue) await readAndCancel(id);
}));
for (const stretch of pages) await readPages(stretch);
const { user, system } = process.cpuUsage(before);
console.log((user + system) / 1_000);
