import assert from "node:assert/strict";
import { join } from "node:path";
import { serveDashboard } from "../../cli/dashboard/serve.ts";
import { readPlace } from "../../cli/target.ts";
import { root } from "../support/root.ts";

Deno.test("the command prints the page's address, serves it, and stops on a signal even while a browser is connected", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--no-check",
      "--unstable-no-legacy-abort",
      join(root, "cli/main.ts"),
      "dashboard",
      "--port",
      "0",
    ],
    env: { LAPSE_URL: "https://ref.supabase.co", LAPSE_PUBLISHABLE_KEY: "sb_publishable_test" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said = child.stderr.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let text = "";
  while (!text.includes("Ctrl-C")) {
    const { value, done } = await said.next();
    assert.ok(!done, text);
    text += value;
  }
  const [, port] = text.match(/^The dashboard of https:\/\/ref\.supabase\.co is at http:\/\/127\.0\.0\.1:(\d+)\/ /)!;
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  await connection.write(new TextEncoder().encode(`GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`));
  const start = new Uint8Array(15);
  await connection.read(start);
  assert.equal(new TextDecoder().decode(start), "HTTP/1.1 200 OK");
  child.kill("SIGTERM");
  for await (const _ of { [Symbol.asyncIterator]: () => said });
  assert.equal(await new Response(child.stdout).text(), "The dashboard has stopped\n");
  assert.equal((await child.status).code, 0);
});

/** A project that answers with what it was sent. */
async function withDashboard(
  test: (it: { url: string; port: number; seen: Request[] }) => Promise<void>,
): Promise<void> {
  const seen: Request[] = [];
  const project = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    seen.push(request);
    const { pathname, search } = new URL(request.url);
    if (pathname.endsWith("/moved")) {
      return new Response(null, { status: 302, headers: { location: "https://example.com/" } });
    }
    return Response.json({
      path: pathname + search,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    }, {
      status: 206,
      headers: { "content-range": "0-0/1", "set-cookie": "a=b", "access-control-allow-origin": "*" },
    });
  });
  const upstream = { url: `http://127.0.0.1:${project.addr.port}`, publishableKey: "sb_publishable_test" };
  const served = await serveDashboard(upstream, { port: 0 });
  try {
    await test({ url: served.url.replace(/\/$/, ""), port: Number(new URL(served.url).port), seen });
  } finally {
    await served.close();
    await project.shutdown();
  }
}

/** A request with headers that fetch would not send. Answers the status. */
async function sendRaw(port: number, path: string, headers: Record<string, string>): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const lines = Object.entries({ connection: "close", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  await connection.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`));
  const answer = await new Response(connection.readable).text().catch(() => "");
  return Number(answer.split(" ")[1]);
}

Deno.test("the page comes with a policy that allows its own origin alone, and with the publishable key", async () => {
  await withDashboard(async ({ url }) => {
    const page = await fetch(`${url}/`);
    assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
    assert.match(await page.text(), /<title>Lapse<\/title>/);
    const policy = page.headers.get("content-security-policy")!;
    for (const part of ["default-src 'none'", "connect-src 'self';", "frame-ancestors 'none'", "form-action 'none'"]) {
      assert.ok(policy.includes(part), part);
    }
    assert.doesNotMatch(policy, /unsafe|https:|\*/);
    const config = await (await fetch(`${url}/config.json`)).json();
    assert.deepEqual(Object.keys(config), ["url", "publishableKey", "project"]);
    assert.deepEqual([config.url, config.publishableKey], [".", "sb_publishable_test"]);
    for (const path of ["/nothing.js", "/../cli/main.ts", "/%2e%2e/package.json", "/js"]) {
      const answer = await fetch(url + path);
      assert.equal(answer.status, 404, path);
      await answer.body?.cancel();
    }
  });
});

Deno.test("REST, Auth and functions are forwarded as they are, with no credentials but the caller's", async () => {
  await withDashboard(async ({ url, seen }) => {
    const sent = {
      apikey: "key",
      authorization: "Bearer token",
      prefer: "count=exact",
      cookie: "session=1",
      "x-forwarded-for": "1.2.3.4",
    };
    const answer = await fetch(`${url}/rest/v1/lapse_orders?ref=eq.a%2Fb&limit=1`, { headers: sent });
    const { path, headers } = await answer.json();
    assert.equal(answer.status, 206);
    assert.equal(path, "/rest/v1/lapse_orders?ref=eq.a%2Fb&limit=1");
    assert.deepEqual([headers.apikey, headers.authorization, headers.prefer], ["key", "Bearer token", "count=exact"]);
    assert.deepEqual([headers.cookie, headers["x-forwarded-for"]], [undefined, undefined]);
    assert.equal(answer.headers.get("content-range"), "0-0/1");
    assert.deepEqual([answer.headers.get("set-cookie"), answer.headers.get("access-control-allow-origin")], [
      null,
      null,
    ]);

    const bare = await (await fetch(`${url}/auth/v1/token`, { method: "POST", body: '{"a": 1}' })).json();
    assert.deepEqual([bare.headers.apikey, bare.headers.authorization, bare.body], [undefined, undefined, '{"a": 1}']);
    assert.equal((await fetch(`${url}/functions/v1/moved`, { redirect: "manual" })).status, 302);

    const before = seen.length;
    for (const path of ["/storage/v1/object", "/rest/v2/x", "/rest/v1", "/rest/v1/..%2f..%2fstorage", "/pg/query"]) {
      const refused = await fetch(url + path);
      assert.equal(refused.status, 404, path);
      await refused.body?.cancel();
    }
    const large = await fetch(`${url}/rest/v1/x`, { method: "POST", body: "x".repeat(100_001) });
    assert.equal(large.status, 413);
    await large.body?.cancel();
    assert.equal(seen.length, before);
  });
});

Deno.test("requests by another host name or from another site are refused", async () => {
  await withDashboard(async ({ port, seen }) => {
    const own = `127.0.0.1:${port}`;
    const statuses = async (headers: Record<string, string>) => [
      await sendRaw(port, "/", headers),
      await sendRaw(port, "/config.json", headers),
      await sendRaw(port, "/rest/v1/lapse_runs", headers),
    ];
    assert.deepEqual(await statuses({ host: own }), [200, 200, 206]);
    assert.deepEqual(await statuses({ host: `localhost:${port}` }), [200, 200, 206]);
    assert.deepEqual(await statuses({ host: own, origin: `http://${own}` }), [200, 200, 206]);
    const asked = seen.length;
    for (const host of ["rebound.example", `rebound.example:${port}`, "127.0.0.1", `127.0.0.1.example:${port}`]) {
      assert.deepEqual(await statuses({ host }), [421, 421, 421], host);
    }
    for (const origin of ["https://evil.example", "null", `http://127.0.0.1:${port + 1}`]) {
      assert.deepEqual(await statuses({ host: own, origin }), [403, 403, 403], origin);
    }
    assert.deepEqual(await statuses({ host: own, "sec-fetch-site": "cross-site" }), [403, 403, 403]);
    assert.equal(seen.length, asked);
  });
});

Deno.test("a project that does not answer is reported as unreachable", async () => {
  const served = await serveDashboard({ url: "http://127.0.0.1:9", publishableKey: "sb_publishable_test" }, {
    port: 0,
  });
  const silenced = console.error;
  console.error = () => {};
  try {
    const answer = await fetch(`${served.url}rest/v1/lapse_runs`);
    assert.equal(answer.status, 502);
    assert.match((await answer.json()).message, /^Cannot reach http:\/\/127\.0\.0\.1:9\. Is the project paused\?$/);
  } finally {
    console.error = silenced;
    await served.close();
  }
});

Deno.test("the dashboard needs an address and a publishable key, and never asks for a secret one", () => {
  const read = (values: Record<string, string>) => readPlace((name) => values[name], "/nowhere/stack.json");
  const place = { LAPSE_URL: "https://ref.supabase.co/", LAPSE_PUBLISHABLE_KEY: " sb_publishable_x\n" };
  assert.deepEqual(read(place), { url: "https://ref.supabase.co", publishableKey: "sb_publishable_x" });
  assert.throws(() => read({}), /set LAPSE_URL and LAPSE_PUBLISHABLE_KEY, or start the local stack/);
  assert.throws(() => read({ LAPSE_URL: "https://ref.supabase.co", LAPSE_SECRET_KEY: "s" }), /LAPSE_PUBLISHABLE_KEY/);
  assert.throws(() => read({ ...place, LAPSE_URL: "http://ref.supabase.co" }), /not https/);
});
