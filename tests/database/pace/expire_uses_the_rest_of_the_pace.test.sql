begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(12);

update lapse.settings set payments_per_second_live = 20, payments_per_second_test = 6;
create function pg_temp.pace(p_livemode boolean, p_now timestamptz default pg_temp.noon()) returns numeric
language sql
as $$ select lapse.payments_per_second('expire-stale-orders', p_livemode, p_now) $$;

select is(pg_temp.pace(true), 20.0, 'alone it has everything');
select is(pg_temp.pace(false), 6.0, 'less in test mode, whose limit is lower');
select is(pg_temp.pace(null), 6.0, 'a mode that is not known counts as test');
insert into lapse.list_cursors select '', true, 'payment_intents', pg_temp.noon(), pg_temp.noon();
select is(pg_temp.pace(null), 20.0, 'unless the list read last was live');

select is(lapse.take_share('webhook', true, pg_temp.noon() + interval '1 minute'), 4.0, 'the webhook takes its share');
select is(pg_temp.pace(true), 16.0, 'which expire leaves to it');
select is(pg_temp.pace(true, pg_temp.noon() + interval '1 minute'), 20.0, 'until it ends');

-- The clean-up says what it takes when it begins and at every settlement, and gives it back.
select pg_temp.begin_cleanup('cleanup');
select is(
  array[pg_temp.pace(true), pg_temp.pace(true, pg_temp.noon() + interval '119 seconds')], array[12, 16.0], 'so does the clean-up, while its lease lasts'
);
select is(
  (pg_temp.settle('cleanup', '{}', pg_temp.noon() + interval '1 minute') -> 'paymentsPerSecond')::numeric, 4.0, 'a settlement tells the pace'
);
select lapse.finish_run(pg_temp.id('cleanup'), 'succeeded', p_now => pg_temp.noon() + interval '90 seconds');
select is(pg_temp.pace(true, pg_temp.noon() + interval '91 seconds'), 20.0, 'a run that ends takes nothing any more');

-- Both together leave it at least half, whatever the settings say.
update lapse.settings set payments_per_second_live = 8;
select lapse.take_share(c, true, pg_temp.noon() + interval '1 minute') from unnest('{webhook,cleanup}'::text[]) c;
select is(pg_temp.pace(true), 4.0, 'together they take no more than half of the whole');
select is(pg_temp.pace(false), 3.0, 'not even of that of the other mode');

select * from finish();
rollback;
