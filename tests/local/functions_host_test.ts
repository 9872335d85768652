import assert from "node:assert/strict";
import { type FunctionsHost, type FunctionsHostOptions, startFunctionsHost } from "../../local/functions-host/start.ts";
import { startGateway } from "../../local/gateway/start.ts";

const sources = {
  served: `
    Deno.serve(async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (searchParams.has("throw")) throw new Error("boom");
      if (searchParams.has("never")) {
        request.signal.addEventListener("abort", () => console.log("caller gone"));
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      }
      if (searchParams.has("later")) {
        const later = (text) => new Promise((resolve) => setTimeout(() => resolve(console.log(text)), 100));
        EdgeRuntime.waitUntil(later("done later").then(() => { throw new Error("failed later"); }));
        return new Response(null, { status: 202 });
      }
      const read = await Deno.readTextFile("/etc/hostname").then(() => "allowed", (error) => error.name);
      const body = { pathname, method: request.method, sent: await request.text(), read, pid: Deno.env.get("SB_EXECUTION_ID") };
      return Response.json({ ...body, variables: Object.keys(Deno.env.toObject()) });
    });`,
  exported: `export default { fetch: () => new Response("from the default export") };`,
  broken: `import "./missing.ts";`,
};

Deno.test("a function sees its own path, the body, and nothing of this program's environment", async () => {
  await using api = await startApi({ env: { GIVEN: "1" } });
  const answer = await (await fetch(`${api.url}/served/deeper?x=1`, { method: "POST", body: "sent" })).json();
  assert.deepEqual([answer.pathname, answer.method, answer.sent], ["/served/deeper", "POST", "sent"]);
  assert.equal(answer.read, "NotCapable");
  assert.ok(answer.variables.includes("GIVEN"));
  assert.ok(!answer.variables.includes("HOME"));
});

Deno.test("a function may be a default export with fetch", async () => {
  await using api = await startApi();
  assert.equal(await (await fetch(`${api.url}/exported`)).text(), "from the default export");
});

Deno.test("a background task outlives its request, and its failure is logged and kills nothing", async () => {
  await using api = await startApi();
  assert.equal((await fetch(`${api.url}/served?later`)).status, 202);
  await logged(api.host, /done later/);
  await logged(api.host, /Background task failed: Error: failed later/);
  assert.equal((await drained(`${api.url}/served`)).status, 200);
});

Deno.test("a killed function answers its caller with 546 and serves the next call", async () => {
  await using api = await startApi();
  const first = await (await fetch(`${api.url}/served`)).json();
  const waiting = drained(`${api.url}/served?never`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await api.host.kill("served");
  assert.equal((await waiting).status, 546);
  const second = await (await fetch(`${api.url}/served`)).json();
  assert.notEqual(second.pid, first.pid);
});

Deno.test("when a caller aborts, the function's request is aborted too", async () => {
  await using api = await startApi();
  await api.host.warm("served");
  await assert.rejects(fetch(`${api.url}/served?never`, { signal: AbortSignal.timeout(100) }));
  await logged(api.host, /caller gone/);
});

Deno.test("an exception answers 500, a function that does not load 503, and one that is not there 404", async () => {
  await using api = await startApi();
  assert.equal((await drained(`${api.url}/served?throw`)).status, 500);
  assert.equal((await drained(`${api.url}/broken`)).status, 503);
  await logged(api.host, /Module not found/);
  assert.equal((await drained(`${api.url}/_shared`)).status, 404);
  assert.equal((await drained(`${api.url}/..%2fserved`)).status, 404);
});

async function startApi(options: Partial<FunctionsHostOptions> = {}) {
  const folder = await Deno.makeTempDir();
  for (const [name, source] of Object.entries(sources)) {
    await Deno.mkdir(`${folder}/${name}`);
    await Deno.writeTextFile(`${folder}/${name}/index.ts`, source);
  }
  await Deno.mkdir(`${folder}/_shared`);
  const host = await startFunctionsHost({ env: {}, ...options, folder });
  const gateway = startGateway({ functions: host.fetch });
  return {
    url: `${gateway.apiUrl}/functions/v1`,
    host,
    async [Symbol.asyncDispose]() {
      await host.close();
      await gateway.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function drained(url: string): Promise<Response> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response;
}

async function logged(host: FunctionsHost, pattern: RegExp): Promise<void> {
  for (let waited = 0; waited < 3_000; waited += 20) {
    if (host.logs().some(({ line }) => pattern.test(line))) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`${pattern} is not in the log: ${JSON.stringify(host.logs())}`);
}
