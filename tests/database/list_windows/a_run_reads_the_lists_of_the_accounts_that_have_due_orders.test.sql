begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(18);

create function pg_temp.windows(p_run text, p_livemode boolean default false) returns text[]
language sql
as $$
  select array(
    select format('%s %s %s', w ->> 'account', w ->> 'list', (w ->> 'readTo')::timestamptz - pg_temp.noon())
    from lapse.runs r
    cross join jsonb_array_elements(lapse.list_windows(r.id, r.fence, p_livemode, pg_temp.noon())) with ordinality x (w, n)
    where r.id = pg_temp.id(p_run)
    order by n
  )
$$;
create function pg_temp.place_at(p_name text, p_due_for interval, p_account text default '') returns void
language sql
as $$
  select pg_temp.place_due_order(p_name, p_due_for => p_due_for);
  update lapse.orders set account = p_account where ref = pg_temp.ref(p_name);
$$;

select pg_temp.begin_run('run');
select is(pg_temp.windows('run'), '{}', 'nothing is due: nothing is read');
select is((select livemode from lapse.runs), false, 'and the run''s mode is known');

select pg_temp.place_at('mine', '1 hour'), pg_temp.place_at('fresh', '-1 hour'), pg_temp.place_at('theirs', '2 days', 'acct_1');
select pg_temp.place_at('not due', '-1 hour', 'acct_2');
delete from lapse.list_cursors;
select is(
  pg_temp.windows('run'),
  array[
    'acct_1 checkout_sessions -2 days -00:32:00', 'acct_1 payment_intents -2 days -00:32:00',
    ' checkout_sessions -01:32:00', ' payment_intents -01:32:00'
  ],
  'both lists of each account with a due order, from where its oldest order was placed, the oldest window first'
);
select is((select count(*) from lapse.list_cursors where read_from = read_to), 4::bigint, 'their cursors are made on the way');

select pg_temp.cursors_at(pg_temp.noon() - interval '5 minutes' + interval '1 second'), pg_temp.cursors_at(pg_temp.noon() - interval '2 days', 'acct_1');
select is(
  pg_temp.windows('run'), array['acct_1 checkout_sessions -2 days', 'acct_1 payment_intents -2 days'],
  'a list that was just read beyond every due order of its account is not read again'
);
select pg_temp.cursors_at(pg_temp.noon() - interval '5 minutes');
select is(
  pg_temp.windows('run'),
  array[
    'acct_1 checkout_sessions -2 days', 'acct_1 payment_intents -2 days', ' checkout_sessions -00:05:00', ' payment_intents -00:05:00'
  ],
  'one that was read five minutes ago is: a payment may have been created since'
);
select is(cardinality(pg_temp.windows('run', true)), 4, 'each mode has cursors of its own');

-- Orders that nothing can be found out about any more are quarantined when they are adopted; the list begins where it can.
delete from lapse.list_cursors;
update lapse.orders set placed_at = pg_temp.noon() - interval '2 years' where ref = pg_temp.ref('mine');
select is((pg_temp.windows('run'))[1], ' checkout_sessions -90 days', 'no list is read further back than its reach');

-- A run of one order.
select lapse.finish_run(pg_temp.id('run'), 'succeeded', p_now => pg_temp.noon());
insert into lapse.runs (id, job, trigger, ref) values (pg_temp.id('one'), 'expire-stale-orders', 'server', pg_temp.ref('theirs'));
select pg_temp.begin_run('one');
select pg_temp.cursors_at(pg_temp.noon(), 'acct_1');
select is(pg_temp.windows('one'), array['acct_1 checkout_sessions 00:00:00', 'acct_1 payment_intents 00:00:00'], 'reads those of its account alone');

-- The clean-up.
select pg_temp.begin_cleanup('cleanup');
delete from lapse.list_cursors;
select is(cardinality(pg_temp.windows('cleanup')), 6, 'the clean-up reads every account with an open order');
update lapse.orders set status = 'paid', closed_at = pg_temp.noon(), next_check_at = null;
delete from lapse.list_cursors;
select is(cardinality(pg_temp.windows('cleanup')), 6, 'or with a closed one, as the webhook settles orders before any list is read');
select is(
  (select min(c.read_from) from lapse.list_cursors c where c.account = 'acct_1'),
  (select min(o.placed_at) from lapse.orders o where o.account = 'acct_1'), 'from where the oldest of them was placed, closed or not'
);
delete from lapse.orders;
select is(cardinality(pg_temp.windows('cleanup')), 6, 'or with a cursor of its mode');

select is(
  (select array_agg(w -> 'proven') from lapse.list_windows(pg_temp.id('cleanup'), 1, false, pg_temp.noon()) l, jsonb_array_elements(l) w),
  array_fill('false'::jsonb, '{6}'), 'so far no payment has shown that the key is this shop''s'
);
update lapse.list_cursors set proven_at = pg_temp.noon() - case list when 'payment_intents' then interval '7 days' else interval '7 days 1 second' end;
select is(
  (
    select array_agg(distinct (w ->> 'list') || ' ' || (w ->> 'proven'))
    from lapse.list_windows(pg_temp.id('cleanup'), 1, false, pg_temp.noon()) l, jsonb_array_elements(l) w
  ),
  array['checkout_sessions false', 'payment_intents true'], 'and a proof that is older than stale_age is none: the key may be another one by now'
);

-- What it cannot read.
select lapse.list_failed(pg_temp.id('cleanup'), 1, false, 'acct_1', 'payment_intents', 'permission_denied', pg_temp.noon());
select lapse.list_failed(pg_temp.id('cleanup'), 1, false, 'acct_1', 'payment_intents', 'timeout', pg_temp.noon() + interval '1 hour');
select results_eq(
  'select account, list, failing_since, error from lapse.list_cursors where failing_since is not null',
  $$ values ('acct_1', 'payment_intents', pg_temp.noon(), 'timeout') $$, 'a list that cannot be read says so, and since when'
);
update lapse.list_cursors set read_to = pg_temp.noon() where failing_since is null;
select is(lapse.list_is_behind(pg_temp.noon() + interval '1 hour'), false, 'and is no work that waits for the clean-up');
select is(lapse.list_is_behind(pg_temp.noon() + interval '61 minutes'), true, 'as one is that could be read and was not for an hour');

select * from finish();
rollback;
