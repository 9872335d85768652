import assert from "node:assert/strict";
import { announceStack } from "../../local/stack/announce.ts";

Deno.test("a second stack takes over the commands, names the first one, and restores it at the end", async () => {
  const file = await Deno.makeTempFile();
  const first = stackAt("sb_secret_first");
  const second = stackAt("sb_secret_second");
  try {
    const a = await announceStack(first, file);
    assert.equal(a.replaced, null, "an empty file is no stack");
    const b = await announceStack(second, file);
    assert.equal(b.replaced, first.apiUrl);
    assert.equal(JSON.parse(await Deno.readTextFile(file)).secretKey, "sb_secret_second");
    await b[Symbol.asyncDispose]();
    assert.equal(JSON.parse(await Deno.readTextFile(file)).secretKey, "sb_secret_first");

    const c = await announceStack(second, file);
    await first.server.shutdown();
    await c[Symbol.asyncDispose]();
    assert.ok(!await exists(file), "the first is gone by now");
  } finally {
    await Promise.all([first.server.shutdown(), second.server.shutdown()]);
    await Deno.remove(file).catch(() => {});
  }
});

/** Answers to its own key alone, as a stack does. */
function stackAt(secretKey: string) {
  const answer = (request: Request) =>
    new Response("[]", { status: request.headers.get("apikey") === secretKey ? 200 : 401 });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  return { apiUrl: `http://127.0.0.1:${server.addr.port}`, secretKey, server };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
