import assert from "node:assert/strict";
import { z } from "zod";
import type { Rpc } from "../../../functions/_shared/database/rpc.ts";
import { DatabaseError } from "../../../functions/_shared/errors.ts";
import { createLog } from "../../../functions/_shared/run/log.ts";
import { serveMetrics } from "../../../functions/_shared/http/serve-metrics.ts";
import { readMetrics, render } from "../../../functions/lapse-metrics/metrics.ts";

const TOKEN = "t".repeat(32);
const families = [
  {
    name: "lapse_runs_total",
    type: "counter" as const,
    help: 'A "\\" and\na line',
    samples: [{ labels: { job: "x" }, value: 7 }],
  },
  { name: "lapse_orders_quarantined", type: "gauge" as const, help: "Orders", samples: [{ labels: {}, value: 0.5 }] },
  {
    name: "lapse_alert_open",
    type: "gauge" as const,
    help: "Alerts",
    samples: [{ labels: { code: 'L0"1', kind: "a\\b\nc" }, value: 1e21 }],
  },
];

type Change = { token?: string | undefined; call?: () => Promise<unknown> };

function serve({ token = TOKEN, call = () => Promise.resolve(families) }: Change = {}) {
  const lines: string[] = [];
  const rpc: Rpc = async (_name, _args, { answer }) => z.parse(answer, await call());
  const answer = serveMetrics({
    readVariable: (name) => name === "LAPSE_METRICS_TOKEN" ? token : undefined,
    read: readMetrics,
    connect: () => rpc,
    log: createLog({}, (line) => lines.push(line)),
  });
  const ask = (headers: Record<string, string> = {}, method = "GET") =>
    answer(new Request("https://project.supabase.test/functions/v1/lapse-metrics", { method, headers }));
  return { ask, lines };
}

Deno.test("a scraper with the token gets the metrics, in the format that it accepts", async () => {
  const { ask } = serve({ token: ` ${TOKEN}\n` });
  const authorization = `Bearer ${TOKEN}`;
  const plain = await ask({ authorization });
  assert.deepEqual([plain.status, plain.headers.get("content-type")], [
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  const text = await plain.text();
  assert.match(text, /# TYPE lapse_runs_total counter\nlapse_runs_total\{job="x"\} 7\n/);
  assert.doesNotMatch(text, /# EOF/);
  const open = await ask({ authorization, accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5" });
  assert.match(open.headers.get("content-type")!, /^application\/openmetrics-text; version=1\.0\.0/);
  assert.match(await open.text(), /# TYPE lapse_runs counter\nlapse_runs_total\{job="x"\} 7\n[^]*\n# EOF\n$/);
});

Deno.test("characters that would break a line of the format are escaped", () => {
  const text = render(families, false);
  assert.ok(text.includes('# HELP lapse_runs_total A "\\\\" and\\na line\n'), text);
  assert.ok(text.includes('lapse_alert_open{code="L0\\"1",kind="a\\\\b\\nc"} 1e+21\n'), text);
  assert.ok(text.includes("\nlapse_orders_quarantined 0.5\n"), text);
});

Deno.test("every other request is refused without asking the database", async () => {
  const { ask } = serve({ call: () => assert.fail("it was asked") });
  const others = ["", "Bearer", `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`, TOKEN];
  for (const authorization of others) {
    const response = await ask(authorization === "" ? {} : { authorization });
    assert.deepEqual([response.status, (await response.json()).error.code], [401, "credentials"], authorization);
  }
  assert.equal((await ask({ authorization: `Bearer ${TOKEN}` }, "POST")).status, 405);
});

Deno.test("without a configured token, or with a short one, every request is refused and only the log says why", async () => {
  for (const token of ["", "short"]) {
    const { ask, lines } = serve({ token });
    assert.equal((await ask({ authorization: `Bearer ${token}` })).status, 401);
    assert.match(lines.join(), /LAPSE_METRICS_TOKEN is (not set|malformed)/);
    assert.doesNotMatch(lines.join(), /Bearer|"short"/);
  }
});

Deno.test("a database that fails or returns an unreadable answer leads to 503", async () => {
  const failures = [
    () => Promise.reject(new DatabaseError("no", { code: "57P01" })),
    () => Promise.resolve([{ name: "x{}", type: "counter", help: "", samples: [] }]),
  ];
  for (const call of failures) {
    const { ask, lines } = serve({ call });
    assert.equal((await ask({ authorization: `Bearer ${TOKEN}` })).status, 503);
    assert.equal(lines.length, 1);
  }
});
