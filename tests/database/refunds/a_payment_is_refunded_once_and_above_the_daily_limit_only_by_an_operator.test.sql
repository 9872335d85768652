begin;
\ir ../helpers.sql
select plan(22);

update lapse.settings set late_payments = 'revive_or_refund', refunds_per_day = 3, refunded_per_day = 2500 where only_row;
create or replace function lapse_shop.revive_order(p_ref text) returns boolean language sql as 'select false';
select pg_temp.place_due_order(name) from unnest('{a,b,c}'::text[]) name;
select pg_temp.begin_run('run');
select pg_temp.close_without_payments('run');

create function pg_temp.taken() returns jsonb
language sql
as $$
  select lapse.claim_refunds(p_run_id => r.id, p_fence => r.fence, p_limit => 10, p_now => pg_temp.noon()) from lapse.runs r
$$;
create function pg_temp.record(p_stripe_id text, p_result jsonb, p_attempt integer default null) returns boolean
language sql
as $$
  select lapse.record_refund(
    p_run_id => n.id, p_fence => n.fence, p_id => r.id, p_attempt => coalesce(p_attempt, r.attempts), p_result => p_result, p_now => pg_temp.noon()
  )
  from lapse.runs n, lapse.refunds r where r.stripe_id = p_stripe_id
$$;
create function pg_temp.refund(p_stripe_id text) returns text
language sql
as $$
  select concat_ws(' ', r.status, case when r.held_since is not null then 'held' end, r.attempts, r.key_number)
  from lapse.refunds r where r.stripe_id = p_stripe_id
$$;

select pg_temp.mark_paid(name, 'pi_' || name, 1000, pg_temp.noon() - n * interval '1 minute')
from (values ('a', 3), ('b', 2), ('c', 1)) late (name, n);
select is(pg_temp.refund('pi_b'), 'queued 0 1', 'each refund is queued');
select ok(lapse.refunds_due(p_now => pg_temp.noon()), 'a run has something to do');
select is(
  (select jsonb_agg(t ->> 'stripeId' order by t ->> 'stripeId') from jsonb_array_elements(pg_temp.taken()) t), '["pi_a", "pi_b"]',
  'it takes what is not held'
);
select is(pg_temp.refund('pi_c'), 'queued held 0 1', 'beyond the day''s sum it waits for an operator');
select is(pg_temp.taken(), '[]', 'and no run takes it again before the lease expires');

select is(pg_temp.record('pi_a', '{"outcome": "succeeded"}', 0), false, 'the result of an earlier attempt is ignored');
select ok(pg_temp.record('pi_a', '{"outcome": "succeeded", "refundId": "re_1", "amount": 1000, "amountRefunded": 1000}'), 'that of this one counts');
select is(pg_temp.refund('pi_a'), 'succeeded 1 1', 'it is over');
select is((select evidence ->> 'amount_refunded' from lapse.payments where stripe_id = 'pi_a'), '1000', 'the payment shows it');
select is((select checked_at from lapse.payments where stripe_id = 'pi_a'), pg_temp.noon(), 'and since when, so that no earlier answer counts');
select is(pg_temp.mark_paid('a', 'pi_a', 1000), 'refunded', 'and the answer to the report says so');

select pg_temp.record('pi_b', '{"outcome": "retry", "error": "unknown: timeout"}');
select is(pg_temp.refund('pi_b'), 'queued 1 1', 'after an unknown outcome the key is kept');
update lapse.refunds set next_attempt_at = pg_temp.noon() where stripe_id = 'pi_b';
select pg_temp.taken(), pg_temp.record('pi_b', '{"outcome": "refused", "error": "no"}');
select is(pg_temp.refund('pi_b'), 'queued 2 2', 'after a refusal it is replaced');
update lapse.refunds set next_attempt_at = pg_temp.noon(), key_number = 4 where stripe_id = 'pi_b';
select pg_temp.taken(), pg_temp.record('pi_b', '{"outcome": "refused", "error": "no"}');
select is(pg_temp.refund('pi_b'), 'failed 3 4', 'four refusals are enough');
select is((select severity from lapse.alerts where key = 'refund_failed:' || pg_temp.ref('b')), 'critical', 'and an alert is raised');
select throws_ok($$ select pg_temp.record('pi_c', '{"outcome": "perhaps"}') $$, '22023', null, 'an unknown outcome is refused');

select results_eq(
  $$ select severity, details -> 'count' from lapse.check_refunds_held(p_now => pg_temp.noon()) $$, $$ values ('warning', '1'::jsonb) $$,
  'the watch names what is held'
);
select throws_ok(
  $$ select lapse.release_refunds(p_ref => null, p_reason => ' ', p_requested_by => 'ann') $$, '22023', null, 'an operator needs a reason'
);
select is(lapse.release_refunds(p_ref => null, p_reason => 'looked', p_requested_by => 'ann', p_now => pg_temp.noon()), 1, 'and lets go what is held');
select is(pg_temp.refund('pi_c'), 'queued 0 1', 'which a run may take now');
select throws_ok(
  format('select lapse.release_refunds(%L, %L, %L)', pg_temp.ref('a'), 'why', 'ann'), 'PT409', null,
  'what has succeeded is not tried again'
);
select lapse.release_refunds(pg_temp.ref('b'), 'another card', 'ann', pg_temp.noon());
select is(pg_temp.refund('pi_b'), 'queued 0 5', 'what has failed is, under a key of its own');

select * from finish();
rollback;
