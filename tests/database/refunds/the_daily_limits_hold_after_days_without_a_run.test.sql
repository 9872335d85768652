begin;
\ir ../helpers.sql
select plan(3);

update lapse.settings set late_payments = 'revive_or_refund', refunds_per_day = 2, refunded_per_day = 100000;
create or replace function lapse_shop.revive_order(p_ref text) returns boolean language sql as 'select false';
select pg_temp.place_due_order(name) from unnest('{a,b,c,d,e}'::text[]) name;
select pg_temp.begin_run('run');
select pg_temp.close_without_payments('run');

-- Four on one day and one on the next. The jobs are paused over the weekend.
select pg_temp.mark_paid(name, 'pi_' || name, 1000, pg_temp.noon() + n * interval '1 minute') from (values ('a', 1), ('b', 2), ('c', 3), ('d', 4)) late (name, n);
select pg_temp.mark_paid('e', 'pi_e', 1000, pg_temp.noon() + interval '1 day');
select lapse.finish_run(pg_temp.id('run'), 'succeeded', p_now => pg_temp.noon());
select pg_temp.begin_run('monday', pg_temp.noon() + interval '5 days');
select is(
  (
    select jsonb_agg(t ->> 'stripeId' order by t ->> 'stripeId')
    from lapse.claim_refunds(pg_temp.id('monday'), 2, 20, pg_temp.noon() + interval '5 days') c, jsonb_array_elements(c) t
  ),
  '["pi_a", "pi_b", "pi_e"]', 'each day keeps its limit, however late its refunds are carried out'
);
select results_eq(
  'select stripe_id collate "default" from lapse.refunds where held_since is not null order by 1', $$ values ('pi_c'::text), ('pi_d') $$, 'the rest is held'
);
select results_eq(
  $$ select details -> 'count' from lapse.check_refunds_held(pg_temp.noon() + interval '5 days') $$, $$ values ('2'::jsonb) $$, 'and an alert says so'
);

select * from finish();
rollback;
