begin;
\ir ../helpers.sql
select plan(2);

select pg_temp.place_due_order('known');
select pg_temp.begin_run('run');
-- While the run works, triggers note another order, and a payment of each.
select pg_temp.place_order('noted', pg_temp.noon() - interval '2 hours');
select lapse.note(p_kind => 'attach', p_ref => pg_temp.ref(name), p_payload => jsonb_build_object('stripe_id', 'pi_' || name))
from unnest('{known,noted}'::text[]) name;

select is(pg_temp.claim('run'), 2, 'both are claimed');
select is_empty('select id from lapse.inbox', 'and nothing is left to read');

select * from finish();
rollback;
