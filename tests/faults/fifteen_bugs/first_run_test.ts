// Bugs by which a job did something unrequested. The numbers are those of the research.

import assert from "node:assert/strict";
import { serveJob } from "../../../functions/_shared/http/serve-job.ts";
import { createLog } from "../../../functions/_shared/run/log.ts";
import { lengthOf } from "../support/length.ts";
import { tick } from "../support/scheduler.ts";
import { AMOUNT } from "../support/shop.ts";
import { onBench, openAlerts } from "./bug.ts";

Deno.test(
  "bug 15, the first run over an old backlog purges it: the brake is on, nothing is touched, an operator is told",
  onBench(async (bench) => {
    const orders = lengthOf({ bounded: 10_000, long: 100_000 });
    // Placed before Lapse was installed, so not watched.
    await bench.sql`alter table public.orders disable trigger user`;
    await bench.sql`
    insert into public.orders (currency, amount, created_at, expires_at)
    select 'eur', ${AMOUNT}, at, at
    from (select ${bench.time.now()}::timestamptz - interval '10 minutes' - n * interval '1 second' as at from generate_series(1, ${orders}) n) x`;
    await bench.sql`alter table public.orders enable trigger user`;
    await bench.sql`select lapse.adopt_orders(p_limit => ${orders}, p_now => ${bench.time.now()})`;
    const [outcome] = await tick(bench);
    assert.equal(outcome!.report!.status, "braked");
    assert.equal(bench.stripe.mark(), 0);
    const [row] = await bench
      .sql`select count(*)::int as n from lapse.orders where status = 'pending' and attempt = 0`;
    assert.equal(row!.n, orders);
    assert.deepEqual(await openAlerts(bench, "brake:expire-stale-orders"), ["critical"]);
  }),
);

Deno.test(
  "bug 15, anybody may start the job: without the right credential nobody starts anything",
  onBench(async (bench) => {
    const variables: Record<string, string> = {
      SUPABASE_URL: "http://127.0.0.1:9",
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: "sb_publishable_of_the_shop" }),
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: "sb_secret_of_the_shop" }),
      SUPABASE_JWKS: JSON.stringify({ keys: [] }),
      LAPSE_SCHEDULER_SECRET: "the-secret-of-today-0123456789abcdef",
      LAPSE_SCHEDULER_SECRET_PREVIOUS: "the-secret-of-last-week-0123456789ab",
    };
    let began = 0;
    const serve = serveJob({
      name: "expire-stale-orders",
      job: { usesStripe: true, work: () => Promise.reject(new Error("nobody may get here")) },
      readVariable: (name) => variables[name],
      worker: { waitUntil: () => began++, retired: new AbortController().signal },
      log: createLog({}, () => {}),
    });
    const callers: Record<string, string>[] = [
      {},
      { apikey: "sb_publishable_of_the_shop" },
      { apikey: "sb_secret_of_another_shop" },
      { "x-lapse-secret": "" },
      { "x-lapse-secret": "the-secret-of-last-year-0123456789ab" },
      { authorization: "Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIn0." },
    ];
    for (const headers of callers) {
      const response = await serve(
        new Request("http://functions.test/expire-stale-orders", { method: "POST", headers, body: "{}" }),
      );
      assert.equal(response.status, 401, JSON.stringify(headers));
    }
    const [row] = await bench.sql`select count(*)::int as n from lapse.runs`;
    assert.deepEqual([began, row!.n], [0, 0]);
  }),
);
