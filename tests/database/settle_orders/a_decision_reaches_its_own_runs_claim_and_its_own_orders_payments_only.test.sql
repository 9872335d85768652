begin;
\ir ../helpers.sql
select plan(6);

select pg_temp.place_due_order('a', '{pi_1}'), pg_temp.place_due_order('b', '{pi_2}');
select pg_temp.begin_run('first'), pg_temp.claim('first');

-- A payment of another order, named by a mistake of the run.
select is(
  pg_temp.settled('first', array[pg_temp.decide('a', 'waiting', array[pg_temp.said('pi_2', 'found_dead')])]),
  '{"outcomes": {"waiting": 1}, "superseded": 0}', 'the order is decided'
);
select is((select state from lapse.payments where stripe_id = 'pi_2'), 'open', 'the other order''s payment is left alone');
select is(
  pg_temp.settled('first', array[pg_temp.decide('b', 'checked')]), '{"outcomes": {}, "superseded": 1}', 'an open order is decided, not checked'
);
select is(pg_temp.told('b', 'status'), 'expiring', 'and stays claimed');

-- The first run dies; the second one has the lease, not the claim, and guesses the attempt.
select pg_temp.begin_run('second', pg_temp.noon() + interval '10 minutes');
select is(
  pg_temp.settled('second', array[pg_temp.decide('b', 'quarantined')], pg_temp.noon() + interval '10 minutes'),
  '{"outcomes": {}, "superseded": 1}', 'an order that another run claimed is left alone'
);
select is((select status from lapse.orders where ref = pg_temp.ref('b')), 'expiring', 'until its claim lapses and is taken');

select * from finish();
rollback;
