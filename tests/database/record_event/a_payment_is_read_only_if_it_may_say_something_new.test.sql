begin;
\ir ../helpers.sql
select plan(22);

create function pg_temp.find(
  p_stripe_id text,
  p_name text default null,
  p_type text default 'payment_intent.succeeded',
  p_account text default '',
  p_created_at timestamptz default pg_temp.noon(),
  p_event_id text default 'evt_1',
  p_marks jsonb default '{}',
  p_has_turn boolean default true,
  p_now timestamptz default pg_temp.noon()
) returns jsonb
language sql
as $$
  select lapse.find_payment(
    p_event_id => p_event_id, p_type => p_type, p_livemode => false, p_account => p_account, p_stripe_id => p_stripe_id,
    p_marks => case when p_name is null then p_marks else jsonb_build_object('metadata', jsonb_build_object('order_id', pg_temp.ref(p_name))) end,
    p_created_at => p_created_at, p_has_turn => p_has_turn, p_now => p_now
  )
$$;

create function pg_temp.answer(p_found jsonb) returns text
language sql
as $$ select concat_ws(' ', p_found ->> 'answer', p_found ->> 'why') $$;

select pg_temp.place_due_order('due', '{pi_1,pi_2,cs_1}');
select is(pg_temp.find('pi_1') #>> '{order,ref}', pg_temp.ref('due'), 'an attached payment is its order''s, whatever it names');
select is(pg_temp.answer(pg_temp.find('pi_9', 'due')), 'read', 'any other is the order''s that it names');
select is(
  pg_temp.answer(pg_temp.find('cs_9', p_marks => jsonb_build_object('client_reference_id', upper(pg_temp.ref('due'))))), 'read',
  'by a session''s client reference as well, and in capitals'
);
select is(pg_temp.answer(pg_temp.find('pi_9')), 'nothing names_no_order', 'one that names none is somebody else''s');
select is(pg_temp.answer(pg_temp.find('pi_9', p_marks => null)), 'read', 'unless the event does not show it');
select is(pg_temp.answer(pg_temp.find('pi_9', 'due', 'payment_intent.canceled')), 'nothing ended_unattached', 'one that nobody knew may end');

select is(pg_temp.answer(pg_temp.find('pi_9', 'due', p_account => 'acct_1')), 'nothing other_account', 'an account of somebody''s pays nothing');
select is(pg_temp.answer(pg_temp.find('pi_1', p_account => 'acct_1')), 'nothing other_account', 'not even under the id of a known payment');
select is(
  pg_temp.answer(pg_temp.find('pi_9', p_account => 'acct_1', p_marks => null)), 'nothing other_account', 'nor where the event shows nothing'
);

update lapse.payments set state = 'dead', evidence = '{}', closed_at = pg_temp.noon() where stripe_id = 'pi_1';
update lapse.payments set state = 'paid', evidence = '{}', closed_at = pg_temp.noon() where stripe_id = 'pi_2';
select is(pg_temp.answer(pg_temp.find('pi_2')), 'nothing known', 'what is paid has nothing new to say');
select is(pg_temp.answer(pg_temp.find('pi_1', p_type => 'payment_intent.canceled')), 'nothing known', 'nor has the end of what is dead');
select is(pg_temp.answer(pg_temp.find('pi_1')), 'read', 'money of what is dead has');
insert into lapse.events (id, type, received_at) values ('evt_2', 'test', pg_temp.noon());
select is(pg_temp.answer(pg_temp.find('pi_1', p_event_id => 'evt_2')), 'repeated', 'a recorded event has been dealt with');

select pg_temp.place_order('noted');
select is(pg_temp.find('pi_9', 'noted') #>> '{order,status}', 'open', 'an order that only the inbox knows is known');
select is(pg_temp.answer(pg_temp.find('pi_9', 'nobody')), 'unknown order_absent', 'of one that nobody knows Stripe is asked to come again');
select is(
  pg_temp.answer(pg_temp.find('pi_9', 'nobody', p_created_at => pg_temp.noon() - interval '8 days')), 'nothing order_absent', 'but not for ever'
);

select pg_temp.begin_run('run'), pg_temp.claim('run');
select is(
  pg_temp.answer(pg_temp.find('cs_1', p_type => 'checkout.session.expired')), 'nothing run_decides', 'what ends while a run holds its order is the run''s'
);
select pg_temp.settle('run', array[pg_temp.decide('due', 'waiting', p_next_check_at => pg_temp.noon() + interval '1 day')]);

-- 1.5 payments a second in test mode: a quarter of all.
select results_eq(
  $$
    select round((pg_temp.find('cs_1', p_has_turn => false) ->> 'waitSeconds')::numeric, 2) from generate_series(1, 4)
  $$,
  $$ values (0.00), (0.00), (0.67), (1.33) $$, 'turns are handed out at the webhook''s share, two at once'
);
select is((select s.per_second from lapse.pace_shares s where s.caller = 'webhook'), 1.5, 'which the jobs leave it meanwhile');
select is(
  (select count(*)::integer from generate_series(1, 20) where pg_temp.answer(pg_temp.find('cs_1', p_has_turn => false)) = 'read'), 2,
  'nobody waits for longer than three seconds'
);
select is(pg_temp.told('due', 'next_check_at')::timestamptz, pg_temp.noon(), 'without a turn, an order whose deadline has passed is due at once');
select is(
  (pg_temp.find('cs_1', p_has_turn => false, p_now => pg_temp.noon() - interval '1 hour') ->> 'waitSeconds')::numeric, 0::numeric,
  'a clock that was set back holds up nothing'
);

select * from finish();
rollback;
