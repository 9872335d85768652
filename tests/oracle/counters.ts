/** Counters against the decisions they count (promise 4): of each run, of each job since its first run, of each UTC day. */
import type { DatabaseInput } from "./oracle.ts";

/** What each counter adds up. */
const COUNTERS: Record<string, string> = {
  orders_expired: "count(*) filter (where outcome = 'expired')",
  orders_paid: "count(*) filter (where outcome = 'paid')",
  orders_waiting: "count(*) filter (where outcome = 'waiting')",
  orders_retried: "count(*) filter (where outcome = 'retry')",
  orders_quarantined: "count(*) filter (where outcome = 'quarantined')",
  stock_released: "coalesce(sum(units_released), 0)",
  payment_intents_canceled: "count(*) filter (where subject = 'payment_intent' and outcome = 'canceled')",
  checkout_sessions_expired: "count(*) filter (where subject = 'checkout_session' and outcome = 'canceled')",
  payments_kept: "count(*) filter (where outcome = 'kept')",
  late_payments: "count(*) filter (where outcome = 'late_payment')",
};
const names = Object.keys(COUNTERS);
const sums = Object.entries(COUNTERS).map(([name, sum]) => `${sum} as ${name}`).join(", ");
const listed = (alias: string, suffix = "") => names.map((name) => `${alias}.${name}${suffix}`).join(", ");
const orZero = (alias: string) => names.map((name) => `coalesce(${alias}.${name}, 0)`).join(", ");

const QUERY = `
  with counted as (
    -- what the webhook found is counted by the next run
    select * from lapse.decisions where run_id is not null
  ),
  of_run as (select run_id, ${sums} from counted group by run_id),
  of_job as (select job, ${sums} from counted group by job),
  of_day as (select job, (decided_at at time zone 'UTC')::date as day, ${sums} from counted group by 1, 2)
  select 'run ' || r.id as what from lapse.runs r left join of_run c on c.run_id = r.id
  where (${listed("r")}) is distinct from (${orZero("c")})
  union all
  select 'job ' || m.job from lapse.metrics m left join of_job c on c.job = m.job
  where (${listed("m", "_total")}) is distinct from (${orZero("c")})
  union all
  select 'day ' || coalesce(d.day, c.day) || ' of ' || coalesce(d.job, c.job)
  from lapse.metrics_daily d full join of_day c on c.job = d.job and c.day = d.day
  where (${orZero("d")}) is distinct from (${orZero("c")})`;

export async function countersAgainstDecisions({ sql }: DatabaseInput): Promise<string[]> {
  const rows = await sql.unsafe<{ what: string }[]>(QUERY);
  return rows.map(({ what }) => `4: the counters of ${what} do not equal its decisions`);
}
