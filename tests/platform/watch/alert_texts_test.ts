import assert from "node:assert/strict";
import { commands, findCommand } from "../../../cli/main.ts";
import { money } from "../../../cli/output.ts";
import { type Databases, startDatabases } from "../../../local/platform/databases.ts";
import { withConnection } from "../../../local/postgres/databases.ts";
import { setVaultEntries } from "../../../local/stack/vault.ts";
import { readText } from "../../rules/project-files.ts";
import { expire, type Watched, withWatched } from "./watched-database.ts";

let databases: Databases;
Deno.test.beforeAll(async () => {
  databases = await startDatabases();
});
Deno.test.afterAll(() => databases.stop());

/** How each kind of alert comes about, and what it must then name. A minute: the watch looks then; none: the event raised it. */
type Case = { provoke(watched: Watched): Promise<number | void>; about: RegExp; cause: RegExp };

const uuid = "[0-9a-f]{8}-[0-9a-f-]{27}";
const order = new RegExp(`^order ${uuid}$`);
const cases: Record<string, Case> = {
  no_success: {
    provoke: async ({ dispatch }) => (await dispatch(16), 22),
    about: /^job expire-stale-orders$/,
    cause: /^the last run is lost: Never started; its request was answered with nothing$/,
  },
  failing: {
    provoke: async ({ run }) => {
      for (const minute of [0, 1, 2]) await run(minute, "failed");
      return 3;
    },
    about: new RegExp(`^run ${uuid}$`),
    cause: /^failed: failed$/,
  },
  run_failed: {
    provoke: async ({ run }) => (await run(0, "failed"), 1),
    about: new RegExp(`^run ${uuid}$`),
    cause: /^failed$/,
  },
  dispatch_refused: {
    provoke: async ({ sql, dispatch }) => {
      await sql`update lapse.runs set response_status = 401 where id = ${await dispatch(0)}`;
      return 1;
    },
    about: new RegExp(`^run ${uuid}$`),
    cause: /^status 401$/,
  },
  tick_failed: {
    provoke: async ({ adminUrl }) => {
      await withConnection(adminUrl, async (sql) => {
        await sql`
          insert into cron.job_run_details (jobid, status, return_message, start_time)
          select jobid, 'failed', 'ERROR: the Vault secret lapse_scheduler_secret is missing', now()
          from cron.job where jobname = ${"lapse-" + expire}`;
      });
      return 1;
    },
    about: /^job expire-stale-orders$/,
    cause: /Vault secret lapse_scheduler_secret is missing/,
  },
  schedule_missing: {
    provoke: async ({ sql }) => (await sql`select cron.unschedule(${"lapse-" + expire})`, 1),
    about: /^job expire-stale-orders$/,
    cause: /^wanted \*\/5 \* \* \* \*$/,
  },
  brake: {
    provoke: async ({ sql, placeOrder, begin }) => {
      await sql`update lapse.settings set brake_threshold = 1`;
      for (const minute of [0, 0]) await placeOrder(minute);
      await begin(1);
      return 1;
    },
    about: new RegExp(`^orders ${uuid}, ${uuid}, EUR 2\\.00$`),
    cause: new RegExp(
      `^More than 1 orders are due for the first time; deadlines from [0-9: -]+ to [0-9: -]+ UTC; methods: 2 card; ` +
        `oldest: order ${uuid}; largest: order ${uuid}, EUR 1\\.00$`,
    ),
  },
  overdue: {
    provoke: async ({ sql, at, placeOrder, run }) => {
      await placeOrder(0);
      for (const minute of [10, 20, 30]) {
        await sql`update lapse.orders set next_check_at = ${at(minute + 10)} where status = 'pending'`;
        await run(minute);
      }
      return 31;
    },
    about: new RegExp(`^order ${uuid}, EUR 1\\.00$`),
    cause: /^no run has decided about it; the last run was succeeded$/,
  },
  backlog_growing: {
    provoke: async ({ sql, run, placeOrder }) => {
      await sql`update lapse.settings set backlog_alert = 3`;
      await run(0);
      for (const minute of [1, 2, 3, 4]) {
        await placeOrder(minute);
        await run(minute);
      }
      return 4;
    },
    about: /^job expire-stale-orders$/,
    cause: /^due orders after the last runs: 1, 2, 3, 4$/,
  },
  quarantined: {
    provoke: async ({ sql, placeOrder }) => {
      await placeOrder(60);
      await sql`update lapse.orders set status = 'quarantined', reason = 'payment_not_found', next_check_at = null`;
      return 1;
    },
    about: order,
    cause: /^1 payment_not_found$/,
  },
  throttled: {
    provoke: async ({ sql, at, begin }) => {
      for (const minute of [0, 5]) {
        const { run } = await begin(minute);
        await sql`select lapse.finish_run(${run.id}, 'succeeded', null, 100, 7, ${at(minute)})`;
      }
      return 6;
    },
    about: /^the whole project$/,
    cause: /^14 of 200 calls in 2 runs of the last half hour were refused$/,
  },
  invariant: {
    provoke: async ({ sql, run }) => {
      await sql`update lapse.runs set orders_expired = 7 where id = ${await run(0)}`;
      return 1;
    },
    about: new RegExp(`^run ${uuid}$`),
    cause: new RegExp(`^for example runs ${uuid}$`),
  },
  paid_twice: {
    provoke: async ({ sql, placeOrder }) => {
      const ref = await placeOrder(60);
      for (const id of ["pi_1", "pi_2"]) await sql`select lapse.mark_paid(${ref}, ${id}, p_amount => 100)`;
    },
    about: new RegExp(`^order ${uuid}, EUR 1\\.00, payments pi_1, pi_2$`),
    cause: /^pi_1 and pi_2 succeeded; the order is paid$/,
  },
  late_payment: {
    provoke: async ({ sql, placeOrder, close }) => {
      const ref = await placeOrder(0);
      await close(1);
      await sql`select lapse.mark_paid(${ref}, 'pi_late', p_amount => 100)`;
    },
    about: new RegExp(`^order ${uuid}, EUR 1\\.00, payment pi_late$`),
    cause: /^pi_late succeeded; the order is expired$/,
  },
  webhook_failing: {
    provoke: async ({ sql, at, run, watch }) => {
      await run(0, "failed");
      await watch(0);
      await sql`
        insert into lapse.alert_messages (alert_id, state, attempts, next_attempt_at, sent_at, error)
        select id, 'open', 4, ${at(0)}, ${at(0)}, 'status 404' from lapse.alerts`;
      return 1;
    },
    about: /^the whole project$/,
    cause: /^1 message: status 404$/,
  },
  watch_failed: {
    provoke: async ({ sql }) => {
      await sql`
        create or replace function lapse.check_quarantined(p_now timestamptz) returns setof lapse.condition
        language plpgsql as $$ begin perform 1 / 0; end $$`;
      return 1;
    },
    about: /^job watch$/,
    cause: /^division by zero \(22012\)$/,
  },
  payments_unclear: {
    provoke: async ({ sql, run }) => {
      const said = [{
        ref: "1042",
        stripe_id: "pi_odd",
        outcome: "kept",
        reason: "unknown_status",
        alert: true,
        held: true,
      }];
      await sql`
        select lapse.alert_kept_payments(r, ${said as never}::jsonb, now()) from lapse.runs r where r.id = ${await run(
        0,
      )}`;
    },
    about: /^order 1042, payment pi_odd$/,
    cause: /^unknown_status$/,
  },
  adapter: {
    provoke: async ({ sql }) => (await sql`drop function lapse_shop.contract_version()`, 1),
    about: /^the whole project$/,
    cause: /lapse_shop\.contract_version/,
  },
  inbox: {
    provoke: async ({ sql, at }) => {
      await sql`insert into lapse.inbox (kind, ref, payload) values ('attach', '1042', '{"stripe_id": "nonsense"}')`;
      await sql`select lapse.fold_inbox(p_now => ${at(0)})`;
      return 1;
    },
    about: /^order 1042$/,
    cause: /^entry \d+, attach: /,
  },
  list_unread: {
    provoke: async ({ sql, at, begin, placeOrder, finish }) => {
      await placeOrder(0);
      const { run } = await begin(0);
      await sql`select lapse.list_windows(${run.id}, ${run.fence}, false, ${at(0)})`;
      await sql`select lapse.list_failed(${run.id}, ${run.fence}, false, '', 'payment_intents', 'HTTP 403', ${at(0)})`;
      await finish(0, run.id, "partial");
      return 1;
    },
    about: /^the whole project$/,
    cause: /^payment_intents, read to .* UTC: HTTP 403$/,
  },
  processing_long: {
    provoke: async ({ sql, at, placeOrder }) => {
      const ref = await placeOrder(60);
      await sql`
        insert into lapse.payments (stripe_id, ref, attached_at, reason)
        values ('pi_slow', ${ref}, ${at(-60 * 24 * 15)}, 'processing')`;
      return 1;
    },
    about: new RegExp(`^order ${uuid}, payment pi_slow$`),
    cause: /^Stripe says: processing$/,
  },
  drift: {
    provoke: async ({ sql, placeOrder }) => {
      await placeOrder(60);
      await sql`update public.orders set status = 'expired', expired_at = now()`;
      await sql`delete from lapse.inbox`;
      return 1;
    },
    about: order,
    cause: new RegExp(`^watched_and_not_open: ${uuid}$`),
  },
  privileges: {
    provoke: async ({ sql }) => (await sql`grant select on lapse.orders to anon`, 1),
    about: /^the whole project$/,
    cause: /^anon may select table lapse\.orders$/,
  },
  ping_failing: {
    provoke: async ({ adminUrl }) => (await setVaultEntries(adminUrl, { lapse_ping_url: "hc-ping.com/x" }), 1),
    about: /^the whole project$/,
    cause: /^Cannot use … as lapse_ping_url: it must be an https URL$/,
  },
  unfinished: {
    provoke: async ({ sql, at, placeOrder }) => {
      const ref = await placeOrder(60);
      const long = at(-60 * 24 * 22);
      await sql`update lapse.orders set deadline = ${long}, looks = 9, reason = 'requires_capture'`;
      await sql`
        insert into lapse.payments (stripe_id, ref, attached_at, reason)
        values ('pi_held', ${ref}, ${long}, 'requires_capture')`;
      return 1;
    },
    about: new RegExp(`^order ${uuid}, payment pi_held$`),
    cause: /^the oldest waits for: requires_capture$/,
  },
  refund_failed: {
    provoke: async ({ sql, at, placeOrder, close, begin }) => {
      await sql`update lapse.settings set late_payments = 'revive_or_refund'`;
      await sql`create or replace function lapse_shop.revive_order(p_ref text) returns boolean language sql as 'select false'`;
      const ref = await placeOrder(0);
      await close(1);
      await sql`select lapse.mark_paid(${ref}, 'pi_late', p_amount => 100, p_now => ${at(2)})`;
      const { run } = await begin(3);
      const [taken] = await sql`select lapse.claim_refunds(${run.id}, ${run.fence}, 10, ${at(3)}) -> 0 ->> 'id' as id`;
      const failed = { outcome: "failed", error: "It is disputed" };
      await sql`select lapse.record_refund(${run.id}, ${run.fence}, ${taken!.id}, 1, ${sql.json(failed)}, ${at(3)})`;
    },
    about: new RegExp(`^order ${uuid}, EUR 1\\.00, payment pi_late$`),
    cause: /^It is disputed$/,
  },
  refunds_held: {
    provoke: async ({ sql, at, placeOrder, close, begin }) => {
      await sql`update lapse.settings set late_payments = 'revive_or_refund', refunds_per_day = 0`;
      await sql`create or replace function lapse_shop.revive_order(p_ref text) returns boolean language sql as 'select false'`;
      const ref = await placeOrder(0);
      await close(1);
      await sql`select lapse.mark_paid(${ref}, 'pi_late', p_amount => 100, p_now => ${at(2)})`;
      const { run } = await begin(3);
      await sql`select lapse.claim_refunds(${run.id}, ${run.fence}, 10, ${at(3)})`;
      return 3;
    },
    about: order,
    cause: /^settings allow 0 refunds and 200000 minor units of a currency a day$/,
  },
  revive_failed: {
    provoke: async ({ sql, at, placeOrder, close }) => {
      await sql`update lapse.settings set late_payments = 'revive_or_alert'`;
      await sql`create or replace function lapse_shop.revive_order(p_ref text) returns boolean language sql as 'select true'`;
      const ref = await placeOrder(0);
      await close(1);
      await sql`select lapse.mark_paid(${ref}, 'pi_late', p_amount => 100, p_now => ${at(2)})`;
    },
    about: order,
    cause: /^lapse_shop\.revive_order returned t, and the order is closed$/,
  },
};

const runbook = await readText("docs/payments-ops.md");

Deno.test("every kind of alert has a case here", async () => {
  await withWatched(databases, async ({ sql }) => {
    const kinds = await sql`select kind from lapse.alert_kinds order by kind`;
    assert.deepEqual(kinds.map(({ kind }) => kind), Object.keys(cases).sort());
  });
});

for (const [kind, { provoke, about, cause }] of Object.entries(cases)) {
  Deno.test(`the text of ${kind} is enough to act on: object, cause, time, next command, runbook entry`, async () => {
    await withWatched(databases, async (watched) => {
      const minute = await provoke(watched);
      if (minute !== undefined) await watched.watch(minute);
      const [row] = await watched.sql`
        select a.*, k.nature, lapse.alert_text(a, 'open', null, 0, ${watched.at(minute ?? 0)}) as text
        from lapse.alerts a join lapse.alert_kinds k using (code)
        where k.kind = ${kind} and a.resolved_at is null`;
      assert.ok(row, "there is no such alert");
      assert.match(row.object, about);
      assert.match(row.cause, cause);

      const lines = row.text.split("\n");
      assert.equal(lines[0], `[project.test] ${row.code} ${row.severity}: ${row.message}`);
      for (const line of [`About: ${row.object}`, `Cause: ${row.cause}`, `Next: ${row.command}`]) {
        assert.ok(lines.includes(line), `${line} is not in ${row.text}`);
      }
      assert.match(row.text, /\nSince: \d{4}-\d\d-\d\d \d\d:\d\d UTC, (less than a minute|\d+ (minutes?|hours|days))/);
      assert.equal(/\nStripe: https:\/\/dashboard\.stripe\.com\/\S*pi_\w+/.test(row.text), /\bpi_/.test(row.object));

      const typed = [row.command, ...row.text.matchAll(/(?:: )(lapse [a-z].*)$/gm).map(([, it]: string[]) => it)];
      assert.equal(typed.some((it) => it.startsWith("lapse alerts --resolve ")), row.nature === "event");
      for (const it of typed) await assertTypable(it);

      const [, anchor] = row.runbook.match(/^docs\/payments-ops\.md#(.+)$/);
      assert.equal(anchor, `${row.code.toLowerCase()}-${kind}`);
      assert.ok(runbook.includes(`\n- <a id="${anchor}"></a>**${row.code} ${kind}**: `), `the runbook lacks ${anchor}`);
    });
  });
}

Deno.test("the database and the CLI format amounts of any currency alike", async () => {
  await withWatched(databases, async ({ sql }) => {
    for (
      const [currency, written] of [["eur", "EUR 12.34"], ["jpy", "JPY 1234"], ["kwd", "KWD 1.234"], [
        "isk",
        "ISK 12.34",
      ]]
    ) {
      const [row] = await sql`select lapse.spell_amount(1234, ${currency!}) as text`;
      assert.deepEqual([row!.text, money(1234, currency!)], [written, written]);
    }
  });
});

Deno.test("a ref with spaces or quotes is quoted for the shell", async () => {
  await withWatched(databases, async ({ sql }) => {
    const refs = ["1042", "a b", "it's; rm -rf", null];
    const commands = [];
    for (const ref of refs) {
      const [row] = await sql`select lapse.alert_command('lapse order {ref}', null, ${{
        ref,
      } as never}::jsonb) as text`;
      commands.push(row!.text);
    }
    assert.deepEqual(commands, [
      "lapse order 1042",
      "lapse order 'a b'",
      `lapse order 'it'\\''s; rm -rf'`,
      "lapse doctor",
    ]);
  });
});

/** The command's own parser takes it, and only then would it connect. */
async function assertTypable(line: string): Promise<void> {
  const { command, rest } = findCommand(line.split(" ").slice(1));
  assert.ok(commands.includes(command));
  const reached = new Error("parsed");
  const connect = () => Promise.reject(reached);
  await assert.rejects(command.run(rest, { connect, progress: () => {} }), (error) => error === reached, line);
}
