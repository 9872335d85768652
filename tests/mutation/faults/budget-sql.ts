import { faultsIn } from "../fault.ts";

/** In the call budget, where it is kept. */
export const BUDGET_SQL_FAULTS = [
  ...faultsIn("migrations/20261122092400_jobs_call_budget.sql", [
    ["recovers-at-once", "0) / 5))", "0) * 5))", "a throttled endpoint is throttled again"],
    [
      "throttle-forgotten",
      "rate = case when x.fresh then greatest(v_budget.rate / 2, 1) else b.rate end,",
      "rate = v_budget.rate,",
      "a refusal for rate slows nobody down",
    ],
    [
      "throttle-to-zero",
      "greatest(v_budget.rate / 2, 1)",
      "v_budget.rate / 2",
      "ten refusals stop an endpoint for ever",
    ],
    [
      "each-refusal-counts",
      "b2.rate_at < p_now - interval '1 second' as fresh",
      "true as fresh",
      "ten answers to one moment halve the rate ten times",
    ],
    [
      "whole-account",
      "else floor(s.stripe_account_limit_test / 2)",
      "else s.stripe_account_limit_test",
      "the jobs take the checkout's share too",
    ],
    [
      "whole-live-account",
      "then floor(s.stripe_account_limit_live / 2)",
      "then s.stripe_account_limit_live",
      "the jobs take the checkout's share too",
    ],
    [
      "any-scope",
      "if p_scope is null or p_scope not in ('account', 'endpoint') then",
      "if false then",
      "a misspelt scope slows the wrong one down",
    ],
  ]),
  ...faultsIn("migrations/20261128140000_reserved_calls_tell_the_time.sql", [
    [
      "no-pause",
      "v_start := greatest(p_now, v_budget.next_slot_at, v_budget.paused_until, v_account.paused_until);",
      "v_start := greatest(p_now, v_budget.next_slot_at, v_account.paused_until);",
      "a throttled endpoint is called at once",
    ],
    [
      "no-account-pause",
      "v_start := greatest(p_now, v_budget.next_slot_at, v_budget.paused_until, v_account.paused_until);",
      "v_start := greatest(p_now, v_budget.next_slot_at, v_budget.paused_until);",
      "a throttled account is called at once",
    ],
    [
      "blocks-overlap",
      "v_start := greatest(p_now, v_budget.next_slot_at, v_budget.paused_until, v_account.paused_until);",
      "v_start := greatest(p_now, v_budget.paused_until, v_account.paused_until);",
      "two isolates call at twice the rate",
    ],
    [
      "account-share-ignored",
      "v_rate := greatest(least(v_budget.rate, v_account.rate - v_taken.rate), 1);",
      "v_rate := greatest(v_budget.rate, 1);",
      "four endpoints together exceed the account's share",
    ],
    [
      "others-not-waited-for",
      "exit when v_account.rate - v_taken.rate >= 1 or v_taken.first_end is null;",
      "exit when true;",
      "one endpoint more exceeds the account's share",
    ],
    [
      "no-margin",
      "c_margin constant numeric := 1.028;",
      "c_margin constant numeric := 1.0;",
      "jitter puts one call too many into a second",
    ],
    [
      "running-block-forgotten",
      "case when v_budget.next_slot_at > p_now then greatest(b.block_rate, v_rate) else v_rate end",
      "v_rate",
      "a block that still runs is counted too low",
    ],
    [
      "modes-mixed",
      "where b.livemode = p_livemode and b.endpoint not in (p_endpoint, 'account') and",
      "where b.endpoint not in (p_endpoint, 'account') and",
      "test calls slow live ones down",
    ],
    [
      "block-of-any-size",
      "if p_count is null or p_count not between 1 and 128 then",
      "if p_count is null then",
      "one caller takes the budget of minutes",
    ],
    [
      "block-of-a-minute",
      "v_count := least(p_count, greatest(1, floor(c_block_seconds * v_rate / c_margin)));",
      "v_count := p_count;",
      "a slow endpoint's block holds the other job up for minutes",
    ],
    [
      "granted-what-was-asked",
      "'count', v_count,",
      "'count', p_count,",
      "a caller uses slots that the next block is granted again",
    ],
    [
      "account-reserved",
      "if p_endpoint = 'account' then",
      "if false then",
      "a block is reserved on the account's own row",
    ],
    [
      "block-of-no-time",
      `'accountPerSecond', floor(v_account.rate),
    'now', p_now`,
      "'accountPerSecond', floor(v_account.rate)",
      "a block is placed too early by as long as its reservation waited for a connection",
    ],
  ]),
  ...faultsIn("migrations/20261128120000_clock_set_back.sql", [
    [
      "refusals-of-tomorrow-count",
      "and b.rate_at > p_now + interval '1 minute';",
      "and false;",
      "after a clock was set back no refusal slows anybody down",
    ],
    [
      "late-reports-are-of-tomorrow",
      "and b.rate_at > p_now + interval '1 minute';",
      "and b.rate_at > p_now;",
      "answers to one moment that wait for each other halve the rate again and again",
    ],
  ]),
];
