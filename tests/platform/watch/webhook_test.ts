import assert from "node:assert/strict";
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

Deno.test("an alert is told when it opens and when it closes, however often it is seen", async () => {
  await withHook(async ({ watched, told, tell }) => {
    await watched.run(0, "failed");
    await tell(0);
    await tell(0.1);
    await watched.run(0.2);
    await tell(0.3);
    await tell(0.4);
    assert.deepEqual(told.map(({ alert }) => alert.state), ["open", "resolved"]);
    const [open, resolved] = told;
    assert.equal(open!.text, "L003 warning: A run of expire-stale-orders failed, for less than a minute");
    assert.equal(open!.content, open!.text);
    assert.equal(resolved!.text, "L003 resolved: A run of expire-stale-orders failed, for less than a minute");
    assert.deepEqual(open!.allowed_mentions, { parse: [] });
    // PostgreSQL leaves trailing zeros of the milliseconds out; JavaScript does not.
    const { firstSeenAt, lastSeenAt, ...rest } = open!.alert;
    assert.deepEqual([firstSeenAt, lastSeenAt].map((at) => new Date(String(at))), [watched.at(0), watched.at(0)]);
    assert.deepEqual({ ...rest, id: 0, details: null }, {
      id: 0,
      code: "L003",
      key: "run_failed:expire-stale-orders",
      job: "expire-stale-orders",
      state: "open",
      severity: "warning",
      message: "A run of expire-stale-orders failed, for less than a minute",
      details: null,
      occurrences: 2,
      resolvedAt: null,
    });
  });
});

Deno.test("a message that was refused is sent again by the next watch, then less and less often", async () => {
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

Deno.test("a message whose answer never comes is sent again after the patience", async () => {
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

Deno.test("a webhook that does not answer keeps the watch from nothing", async () => {
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

Deno.test("without a webhook nothing is queued, and a new one is told of what is open", async () => {
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

Deno.test("an alert that came and went between two watches is told once, as closed", async () => {
  await withHook(async ({ watched, told, tell }) => {
    await watched.run(0, "failed");
    await watched.run(0.1);
    await tell(0.2);
    await tell(0.3);
    assert.deepEqual(told.map(({ alert }) => alert.state), ["resolved"]);
  });
});

Deno.test("an alert that closed before its opening could be told is told as closed only", async () => {
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

Deno.test("a flood of alerts is told twenty at a time", async () => {
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

Deno.test("what a message contains is no markup in Slack", async () => {
  await withHook(async ({ watched, told, tell }) => {
    await watched.sql`select lapse.raise_alert('late_payment:1', null, 'critical', '<!channel> & co', '{}', ${
      watched.at(0)
    })`;
    await tell(0);
    assert.equal(told[0]!.text, "L014 critical: &lt;!channel&gt; &amp; co");
    assert.equal(told[0]!.content, "L014 critical: <!channel> & co");
  });
});

Deno.test("a webhook that several attempts could not reach raises L015, until one gets through", async () => {
  await withHook(async ({ watched, tell, answer }) => {
    answer.status = 404;
    await watched.run(0, "failed");
    // Up to three minutes lie between the attempts, and pg_net's answers are of the present one. Every other watch sends.
    for (let look = 1; look <= 8; look++) {
      await watched.sql`update lapse.alert_messages set next_attempt_at = ${watched.at(0)} where request_id is null`;
      await tell(look / 20);
    }
    assert.ok((await watched.watch(0.5)).includes("webhook_failing"));
    assert.deepEqual((await watched.alert("webhook_failing")).details, { error: "status 404", undelivered: 1 });
    answer.status = 200;
    await watched.sql`update lapse.alert_messages set next_attempt_at = ${watched.at(0)} where request_id is null`;
    for (const minute of [0.6, 0.7, 0.8]) await tell(minute);
    assert.ok(!(await watched.watch(0.9)).includes("webhook_failing"));
  });
});

Deno.test("L015 closes when the webhook is removed, and the next one starts with a clean slate", async () => {
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

Deno.test("a webhook in Vault that is not https gets nothing, and everything else goes on", async () => {
  await withHook(async ({ watched, tell }) => {
    await setVaultEntries(watched.adminUrl, { lapse_alert_webhook_url: "http://hooks.test/key" });
    await watched.run(0, "failed");
    assert.deepEqual(await watched.watch(0), ["run_failed:expire-stale-orders", "watch_failed:send_alerts"]);
    assert.match(
      (await watched.alert("watch_failed:send_alerts")).details.error,
      /^Cannot use http:\/\/… as lapse_alert_webhook_url: it must be an https URL$/,
    );
    await watched.sql`select lapse.set_alert_webhook(null)`;
    await tell(0.1);
    assert.deepEqual(await watched.watch(0.2), ["run_failed:expire-stale-orders"]);
  });
});

Deno.test("a warning that becomes critical is told again", async () => {
  await withHook(async ({ watched, told, tell }) => {
    const raise = (severity: string) =>
      watched.sql`select lapse.raise_alert('late_payment:1', null, ${severity}, 'x', '{}', ${watched.at(0)})`;
    await raise("warning");
    await tell(0);
    await tell(0.1);
    await raise("critical");
    for (const minute of [0.2, 0.3]) await tell(minute);
    assert.deepEqual(told.map(({ text }) => text), ["L014 warning: x", "L014 critical: x"]);
  });
});

Deno.test("quarantined orders are told again when their number doubles, or has grown for a day", async () => {
  await withHook(async ({ watched, told, tell }) => {
    const quarantined = (orders: number, minutes: number) => {
      const details = { orders };
      return watched.sql`
        update lapse.alerts set details = ${details as never}, last_seen_at = ${
        watched.at(minutes)
      } where key = 'late_payment:1'`;
    };
    await watched.sql`select lapse.raise_alert('late_payment:1', null, 'warning', 'x', '{"orders": 3}', ${
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
    assert.deepEqual(told.map(({ alert }) => (alert.details as { orders: number }).orders), [3, 6, 7]);
    await tell(0.7);
    await watched.sql`update lapse.alert_messages set delivered_at = ${
      watched.at(-60 * 24)
    } where delivered_at is not null`;
    await tell(0.8);
    assert.equal(told.length, 3, "seven orders still");
  });
});

Deno.test("the dead man's switch is called while all is well, and not while lapse-health gives a reason", async () => {
  let calls = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    if (request.method === "GET") calls++;
    return new Response();
  });
  try {
    await withHook(async ({ watched, tell }) => {
      await watched.sql`select lapse.set_ping_url(${`http://127.0.0.1:${server.addr.port}/ping`})`;
      await tell(0);
      assert.equal(calls, 1);
      await watched.sql`update lapse.schedules set changed_at = ${watched.at(-60)} where job = 'expire-stale-orders'`;
      await tell(0.1);
      assert.equal(calls, 1);
    });
  } finally {
    await server.shutdown();
  }
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
  /** Everything the webhook got, in order. */
  told: Told[];
  /** How it answers. */
  answer: { status: number; delayMs: number };
  /** One look of the watch, and pg_net's work after it. */
  tell(minutes: number): Promise<void>;
};

/** A database with a webhook, and pg_net's worker to reach it. Times stay within a minute of the real one, as pg_net's are real. */
async function withHook(work: (hook: Hook) => Promise<void>, faults?: NetFaults): Promise<void> {
  const told: Told[] = [];
  const answer = { status: 200, delayMs: 0 };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    told.push(await request.json());
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
        await work({ watched, url, told, answer, tell });
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
