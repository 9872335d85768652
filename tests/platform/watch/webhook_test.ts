import assert from "node:assert/strict";
import { z } from "zod";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import type { NetFaults } from "../../../local/workers/net-faults.ts";
import { setVaultEntries } from "../../../local/stack/vault.ts";
import { startNetWorker } from "../../../local/workers/net-worker.ts";
import { type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

Deno.test("an alert is sent when it opens and when it closes, however often it recurs", async () => {
  await withHook(async ({ watched, told, tell }) => {
    await watched.run(0, "failed");
    await tell(0);
    await tell(0.1);
    await watched.run(0.2);
    await tell(0.3);
    await tell(0.4);
    assert.deepEqual(told.map(({ alert }) => alert.state), ["open", "resolved"]);
    const [open, resolved] = told;
    assert.match(open!.text, /^\[project\.test\] L003 warning: A run of expire-stale-orders failed\nAbout: run /);
    assert.equal(open!.content, open!.text);
    assert.match(
      resolved!.text,
      /^\[project\.test\] L003 resolved after .*: A run of expire-stale-orders failed\nAbout: .*\nIts cause is gone\. Nothing is left to do$/,
    );
    assert.deepEqual(open!.allowed_mentions, { parse: [] });
    // PostgreSQL leaves trailing zeros of the milliseconds out; JavaScript does not.
    const { since, firstSeenAt, lastSeenAt, runId, ...rest } = { ...open!.alert, ...Object(open!.alert.details) };
    for (const at of [since, firstSeenAt, lastSeenAt]) assert.deepEqual(new Date(String(at)), watched.at(0));
    assert.deepEqual({ ...rest, id: 0, details: null }, {
      id: 0,
      code: "L003",
      key: "run_failed:expire-stale-orders",
      job: "expire-stale-orders",
      state: "open",
      severity: "warning",
      project: "project.test",
      message: "A run of expire-stale-orders failed",
      object: `run ${runId}`,
      cause: "failed",
      command: `lapse runs ${runId}`,
      advice: rest.advice,
      runbook: "docs/payments-ops.md#l003-run_failed",
      stripeUrl: null,
      details: null,
      occurrences: 2,
      resolvedAt: null,
    });
  });
});

Deno.test("a refused message is sent again by the next watch, then with growing pauses", async () => {
  await withHook(async ({ watched, told, tell, answer }) => {
    answer.status = 500;
    await watched.run(0, "failed");
    await tell(0);
    await tell(0.1);
    assert.equal(told.length, 2);
    await tell(0.2);
    assert.equal(told.length, 2, "the third attempt comes a minute later");
    answer.status = 204;
    await tell(1.2);
    await tell(1.3);
    await tell(10);
    assert.equal(told.length, 3);
    assert.equal((await messages(watched))[0]!.attempts, 3);
  });
});

Deno.test("a message without an answer is sent again after a timeout", async () => {
  let lost = 0;
  const loseFirst: NetFaults = () => lost++ === 0 ? "lose" : undefined;
  await withHook(
    async ({ watched, told, tell }) => {
      await watched.run(0, "failed");
      await tell(0);
      await tell(0.1);
      assert.equal(told.length, 0);
      await tell(0.3);
      await tell(0.4);
      assert.equal(told.length, 1);
    },
    loseFirst,
  );
});

Deno.test("a webhook that does not answer does not delay the watch", async () => {
  await withHook(async ({ watched, tell, answer }) => {
    answer.delayMs = 3_500;
    await watched.run(0, "failed");
    await watched.watch(0);
    const [queue] = await watched.sql`select count(*)::int as n from net.http_request_queue`;
    assert.equal(queue!.n, 1, "the watch has ended, and its message waits");
    await tell(0.1);
    answer.delayMs = 0;
    await watched.watch(0.2);
    assert.match((await messages(watched))[0]!.error, /Timeout of 3000 ms reached/);
  });
});

Deno.test("without a webhook nothing is queued, and a new webhook receives the open alerts", async () => {
  await withHook(async ({ watched, told, tell, url }) => {
    await watched.sql`select lapse.set_alert_webhook(null)`;
    await watched.run(0, "failed");
    await tell(0);
    assert.equal((await messages(watched)).length, 0);
    await watched.sql`select lapse.set_alert_webhook(${url})`;
    await tell(0.1);
    assert.equal(told.length, 1);
  });
});

Deno.test("an alert that opened and closed between two watches is sent once, as closed", async () => {
  await withHook(async ({ watched, told, tell }) => {
    await watched.run(0, "failed");
    await watched.run(0.1);
    await tell(0.2);
    await tell(0.3);
    assert.deepEqual(told.map(({ alert }) => alert.state), ["resolved"]);
  });
});

Deno.test("an alert that closed before its opening was sent is sent only as closed", async () => {
  await withHook(async ({ watched, told, tell, answer }) => {
    answer.status = 503;
    await watched.run(0, "failed");
    await tell(0);
    await watched.run(0.1);
    answer.status = 200;
    await tell(0.2);
    await tell(1.5);
    assert.deepEqual(told.map(({ alert }) => alert.state), ["open", "resolved"]);
  });
});

Deno.test("a flood of alerts is sent twenty at a time", async () => {
  await withHook(async ({ watched, told, tell }) => {
    await watched.sql`
      select lapse.raise_alert('late_payment:' || n, null, 'critical', 'x', '{}', ${
      watched.at(0)
    }) from generate_series(1, 45) n`;
    const counts = [];
    for (const minute of [0, 0.1, 0.2, 0.3]) {
      await tell(minute);
      counts.push(told.length);
    }
    assert.deepEqual(counts, [20, 40, 45, 45]);
  });
});

Deno.test("the text of a message is not interpreted as markup in Slack", async () => {
  await withHook(async ({ watched, told, tell }) => {
    await watched.sql`select lapse.raise_alert('late_payment:1', null, 'critical', '<!channel> & co', '{}', ${
      watched.at(0)
    })`;
    await tell(0);
    assert.match(told[0]!.text, /L014 critical: &lt;!channel&gt; &amp; co\n/);
    assert.match(told[0]!.content, /L014 critical: <!channel> & co\n/);
  });
});

Deno.test("a webhook that several attempts could not reach raises L015 until one succeeds", async () => {
  await withHook(async ({ watched, tell, answer }) => {
    answer.status = 404;
    await watched.run(0, "failed");
    // Up to three minutes lie between the attempts, and pg_net's answers are of the present one. Every other watch sends.
    for (let look = 1; look <= 8; look++) {
      await watched.sql`update lapse.alert_messages set next_attempt_at = ${watched.at(0)} where request_id is null`;
      await tell(look / 20);
    }
    assert.ok((await watched.watch(0.5)).includes("webhook_failing"));
    assert.deepEqual((await watched.alert("webhook_failing")).details, {
      cause: "1 message: status 404",
      count: 1,
    });
    answer.status = 200;
    await watched.sql`update lapse.alert_messages set next_attempt_at = ${watched.at(0)} where request_id is null`;
    for (const minute of [0.6, 0.7, 0.8]) await tell(minute);
    assert.ok(!(await watched.watch(0.9)).includes("webhook_failing"));
  });
});

Deno.test("L015 closes when the webhook is removed, and a new webhook starts without failures", async () => {
  await withHook(async ({ watched, told, tell, answer, url }) => {
    answer.status = 404;
    await watched.run(0, "failed");
    for (let look = 1; look <= 8; look++) {
      await watched.sql`update lapse.alert_messages set next_attempt_at = ${watched.at(0)} where request_id is null`;
      await tell(look / 20);
    }
    assert.ok((await watched.watch(0.5)).includes("webhook_failing"));
    await watched.sql`select lapse.set_alert_webhook(null)`;
    await tell(0.6);
    assert.ok(!(await watched.watch(0.7)).includes("webhook_failing"));

    answer.status = 200;
    told.length = 0;
    await watched.sql`select lapse.set_alert_webhook(${url})`;
    await tell(0.8);
    await tell(0.9);
    assert.deepEqual(told.map(({ alert }) => [alert.key, alert.state]), [
      ["run_failed:expire-stale-orders", "open"],
      ["webhook_failing", "resolved"],
    ]);
  });
});

Deno.test("a webhook URL that is not https receives nothing, and the rest of the watch works", async () => {
  await withHook(async ({ watched, tell }) => {
    await setVaultEntries(watched.adminUrl, { lapse_alert_webhook_url: "http://hooks.test/key" });
    await watched.run(0, "failed");
    assert.deepEqual(await watched.watch(0), ["run_failed:expire-stale-orders", "watch_failed:send_alerts"]);
    assert.match(
      (await watched.alert("watch_failed:send_alerts")).cause,
      /^Cannot use http:\/\/… as lapse_alert_webhook_url: it must be an https URL \(22023\)$/,
    );
    await watched.sql`select lapse.set_alert_webhook(null)`;
    await tell(0.1);
    assert.deepEqual(await watched.watch(0.2), ["run_failed:expire-stale-orders"]);
  });
});

Deno.test("a warning that becomes critical is sent again", async () => {
  await withHook(async ({ watched, told, tell }) => {
    const raise = (severity: string) =>
      watched.sql`select lapse.raise_alert('late_payment:1', null, ${severity}, 'x', '{}', ${watched.at(0)})`;
    await raise("warning");
    await tell(0);
    await tell(0.1);
    await raise("critical");
    for (const minute of [0.2, 0.3]) await tell(minute);
    assert.deepEqual(told.map(({ text }) => text.split("\n")[0]), [
      "[project.test] L014 warning: x",
      "[project.test] L014 critical, still open: x",
    ]);
  });
});

Deno.test("an alert is sent again when its count doubles, and every day", async () => {
  await withHook(async ({ watched, told, tell }) => {
    const quarantined = (count: number, minutes: number) => {
      const details = { count };
      return watched.sql`
        update lapse.alerts set details = ${details as never}, last_seen_at = ${
        watched.at(minutes)
      } where key = 'late_payment:1'`;
    };
    await watched.sql`select lapse.raise_alert('late_payment:1', null, 'warning', 'x', '{"count": 3}', ${
      watched.at(0)
    })`;
    const counts = [];
    for (const [minute, orders] of [[0, 3], [0.1, 3], [0.2, 5], [0.3, 6], [0.4, 6], [0.5, 7]] as const) {
      await quarantined(orders, minute);
      await tell(minute);
      counts.push(told.length);
    }
    assert.deepEqual(counts, [1, 1, 1, 2, 2, 2], "the second one is about six orders");
    await watched.sql`update lapse.alert_messages set delivered_at = ${
      watched.at(-60 * 24)
    } where delivered_at is not null`;
    await tell(0.6);
    assert.deepEqual(told.map(({ alert }) => (alert.details as { count: number }).count), [3, 6, 7]);
    await tell(0.7);
    await watched.sql`update lapse.alert_messages set delivered_at = ${
      watched.at(-60 * 24)
    } where delivered_at is not null`;
    await tell(0.8);
    assert.equal(told.length, 4, "seven orders still");
    const [first, second, , last] = told.map(({ text }) => text);
    assert.doesNotMatch(first!, /still open/);
    assert.match(second!, /warning, still open: x\n.*\n.*there were 3 in the last message/);
    assert.doesNotMatch(last!, /in the last message/);
  });
});

Deno.test("one quarantined order, then sixty, then a hundred more: each step is sent", async () => {
  await withHook(async ({ watched, told, tell }) => {
    const quarantine = async (orders: number) => {
      for (let n = 0; n < orders; n++) await watched.placeOrder(60);
      await watched.sql`
        update lapse.orders set status = 'quarantined', reason = 'test', next_check_at = null where status = 'pending'`;
    };
    for (const [minute, orders] of [[0, 1], [0.1, 60], [0.2, 100], [0.3, 0]] as const) {
      await quarantine(orders);
      await tell(minute);
    }
    assert.deepEqual(told.map(({ alert }) => [alert.code, (alert.details as { count: number }).count]), [
      ["L010", 1],
      ["L010", 61],
      ["L010", 161],
    ]);
  });
});

Deno.test("an alert that became part of another is closed at the webhook with a reference to it", async () => {
  await withHook(async ({ watched, told, tell }) => {
    for (const minute of [0, 0.1]) await watched.run(minute, "failed");
    await tell(0.2);
    await watched.run(0.3, "failed");
    for (const minute of [0.4, 0.5]) await tell(minute);
    const texts = told.map(({ text }) => text).sort();
    assert.equal(texts.length, 3);
    assert.match(texts[0]!, /L002 critical: The last 3 runs/);
    assert.match(texts[1]!, /L003 resolved .*\n.*\nIt is now part of L002, which is open$/);
    assert.match(texts[2]!, /L003 warning/);
  });
});

Deno.test("PagerDuty gets events that open and close one incident, and its key is in no URL", async () => {
  await withHook(async ({ watched, url, told, asked, tell }) => {
    await watched.sql`select lapse.set_alert_webhook(${url + "/v2/enqueue?routing_key=R0UT1NGKEY"})`;
    await watched.run(0, "failed");
    for (const minute of [0, 0.1]) await tell(minute);
    await watched.run(0.2);
    for (const minute of [0.3, 0.4]) await tell(minute);
    assert.deepEqual(asked.map((it) => new URL(it).search), ["", ""]);
    const [open, closed] = told.map((it) => pagerdutyEvent.parse(it));
    assert.deepEqual([open!.event_action, closed!.event_action], ["trigger", "resolve"]);
    assert.equal(open!.dedup_key, closed!.dedup_key);
    assert.deepEqual([open!.payload.severity, open!.payload.component, open!.payload.class], [
      "warning",
      "expire-stale-orders",
      "L003",
    ]);
    assert.match(open!.payload.custom_details.text, /\nNext: lapse runs /);
  });
});

/** As developer.pagerduty.com/docs/send-alert-event describes it. */
const pagerdutyEvent = z.strictObject({
  routing_key: z.literal("R0UT1NGKEY"),
  event_action: z.enum(["trigger", "resolve"]),
  dedup_key: z.string().max(255),
  client: z.string(),
  payload: z.strictObject({
    summary: z.string().max(1024),
    source: z.string(),
    severity: z.enum(["critical", "error", "warning", "info"]),
    timestamp: z.iso.datetime({ offset: true }),
    component: z.string(),
    class: z.string(),
    custom_details: z.strictObject({ text: z.string() }),
  }),
  links: z.array(z.strictObject({ href: z.url(), text: z.string() })),
});

type Told = {
  text: string;
  content: string;
  allowed_mentions: unknown;
  alert: { state: string; details: unknown; id: number; [name: string]: unknown };
};

type Hook = {
  watched: Watched;
  url: string;
  /** Everything the webhook got, in order, and where. */
  told: Told[];
  asked: string[];
  /** How it answers. */
  answer: { status: number; delayMs: number };
  /** One look of the watch, and pg_net's work after it. */
  tell(minutes: number): Promise<void>;
};

/** A database with a webhook, and pg_net's worker to reach it. Times stay within a minute of the real one, as pg_net's are real. */
async function withHook(work: (hook: Hook) => Promise<void>, faults?: NetFaults): Promise<void> {
  const told: Told[] = [];
  const asked: string[] = [];
  const answer = { status: 200, delayMs: 0 };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    told.push(await request.json());
    asked.push(request.url);
    if (answer.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, answer.delayMs));
    return new Response(null, { status: answer.status });
  });
  const url = `http://127.0.0.1:${server.addr.port}/hook`;
  try {
    await withWatched(databases, async (watched) => {
      const net = await startNetWorker({ dbUrl: watched.adminUrl, faults });
      try {
        await watched.sql`update lapse.settings set start_patience = '10 seconds'`;
        await watched.sql`select lapse.set_alert_webhook(${url})`;
        const tell = async (minutes: number) => {
          await watched.watch(minutes);
          await net.drain();
        };
        await work({ watched, url, told, asked, answer, tell });
      } finally {
        await net.stop();
      }
    });
  } finally {
    await server.shutdown();
  }
}

function messages({ sql }: Watched) {
  return sql`select * from lapse.alert_messages order by alert_id, state`;
}
