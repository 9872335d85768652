import assert from "node:assert/strict";
import { adviceOn, EVENTS } from "../../../dashboard/js/advice.js";
import { lapse, quoted } from "../../../dashboard/js/commands.js";
import * as format from "../../../dashboard/js/format.js";
import { REASONS } from "../../../dashboard/js/reasons.js";
import { stripeIdsIn, stripeUrl } from "../../../dashboard/js/stripe-links.js";
import { REASONS as OURS } from "../../../functions/_shared/rules/reasons.ts";

const now = new Date("2026-11-30T12:00:00Z");

Deno.test("the dashboard explains every reason as the functions do", () => {
  assert.deepEqual(REASONS, { ...OURS });
});

Deno.test("money is written in the currency's own minor unit", () => {
  const written = [[1250, "eur"], [500, "jpy"], [1234, "kwd"], [12345678, "usd"]].map(([amount, currency]) =>
    format.money(amount, currency).replaceAll("\u00a0", " ")
  );
  assert.deepEqual(written, ["€12.50", "¥500", "KWD 1.234", "$123,456.78"]);
  assert.equal(format.money(null, null), "any amount");
  const rows = [{ amount: 100, currency: "usd" }, { amount: 250, currency: "eur" }, { amount: 50, currency: "eur" }];
  assert.equal(format.sums([...rows, { amount: null, currency: null }]), "€3.00 + $1.00");
});

Deno.test("times are local, name today, and have a year unless it is this year", () => {
  const written = (at: string) => format.moment(at, now, "Europe/Paris");
  assert.equal(written("2026-11-30T10:05:00Z"), "today, 11:05");
  assert.equal(written("2026-11-29T23:05:00Z"), "today, 00:05");
  assert.equal(written("2026-11-28T10:05:00Z"), "28 Nov, 11:05");
  assert.equal(written("2025-11-28T10:05:00Z"), "28 Nov 2025, 11:05");
  assert.equal(format.day("2026-11-01"), "1 Nov");
});

Deno.test("durations use the largest unit that fits, and truncated lists say so", () => {
  assert.deepEqual([99_000, 100_000, 5_999_000, 7_200_000, 180_000_000].map(format.span), [
    "99 s",
    "2 min",
    "100 min",
    "2 h",
    "2 d",
  ]);
  assert.deepEqual([format.distance("2026-11-30T11:00:00Z", now), format.distance("2026-11-30T12:05:00Z", now)], [
    "60 min ago",
    "in 5 min",
  ]);
  assert.deepEqual([118, 9_940, 41_900, null].map(format.seconds), ["0.1 s", "9.9 s", "42 s", ""]);
  assert.deepEqual([format.capped([1, 2], 1_000), format.capped(Array(1_000), 1_000)], ["2", "1,000+"]);
  assert.deepEqual([950, 12_400, 3_100_000].map(format.short), ["950", "12.4k", "3.1M"]);
});

Deno.test("no ref can add a word to a command that is copied", () => {
  assert.equal(quoted("A-1042"), "A-1042");
  for (const ref of ["a b", "$(reboot)", "`x`", "a;b", "", "'; rm -rf /", "-x", "a\nb", "é"]) {
    const [shell] = [new Deno.Command("sh", { args: ["-c", `printf %s ${quoted(ref)}`] }).outputSync()];
    assert.equal(new TextDecoder().decode(shell!.stdout), ref);
  }
  assert.equal(lapse("redrive", "it's", '--reason "…"'), `lapse redrive 'it'\\''s' --reason "…"`);
});

Deno.test("a payment's address in Stripe's dashboard has its mode and its account", () => {
  const home = "https://dashboard.stripe.com";
  assert.equal(stripeUrl({ stripeId: "pi_1" }), `${home}/payments/pi_1`);
  assert.equal(stripeUrl({ stripeId: "pi_1", livemode: false }), `${home}/test/payments/pi_1`);
  assert.equal(stripeUrl({ stripeId: "pi_1", account: "acct_1", livemode: true }), `${home}/acct_1/payments/pi_1`);
  assert.equal(stripeUrl({ stripeId: "cs_test_1" }), `${home}/test/search?query=cs_test_1`);
  assert.equal(stripeUrl({ stripeId: "cs_live_1", livemode: false }), `${home}/search?query=cs_live_1`);
  assert.deepEqual(stripeIdsIn({ payments: ["pi_1", "cs_test_2"], last: "pi_1", x: "api_1" }), ["pi_1", "cs_test_2"]);
});

Deno.test("an alert shows what to do, and the page adds the command that closes an event", () => {
  const alert = { id: 7, key: "late_payment:A-1", advice: "Deliver or refund.", command: "lapse order A-1" };
  assert.deepEqual(adviceOn(alert), {
    todo: "Deliver or refund.",
    commands: ["lapse order A-1", `lapse alerts --resolve 7 --reason "…"`],
  });
  assert.deepEqual(adviceOn({ ...alert, key: "brake:x" }).commands, ["lapse order A-1"]);
  const advice = "Is it right? Then release them: lapse refunds --release a.b --reason TEXT";
  assert.deepEqual(adviceOn({ ...alert, key: "refunds_held", advice }), {
    todo: "Is it right? Then release them (below).",
    commands: ["lapse order A-1", 'lapse refunds --release a.b --reason "…"'],
  });
});

Deno.test("the page and the database agree on which alerts an operator closes", async () => {
  const sql = await Deno.readTextFile(new URL("../../../migrations/20261129000250_alerts.sql", import.meta.url));
  const events = [...sql.matchAll(/'L\d{3}', '(\w+)', 'event'/g)].map(([, kind]) => kind);
  assert.deepEqual([...EVENTS].sort(), events.sort());
});
