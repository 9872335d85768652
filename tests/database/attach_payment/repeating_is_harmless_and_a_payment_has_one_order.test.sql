begin;
\ir ../helpers.sql
select plan(5);

select pg_temp.place_due_order('a', '{pi_1}'), pg_temp.place_due_order('b');
create temp table before as select pg_temp.everything() as hash;

select lapse.attach_payment(pg_temp.ref('a'), 'pi_1'), lapse.attach_payment(upper(pg_temp.ref('a')), 'pi_1');
select is(pg_temp.everything(), (select hash from before), 'the same payment again changes nothing, by whatever spelling of the order');
select throws_ok(
  format('select lapse.attach_payment(%L, %L, %L)', pg_temp.ref('b'), 'pi_1', account), 'PT409',
  format('Cannot attach payment pi_1 to order %s: it belongs to order %s', pg_temp.ref('b'), pg_temp.ref('a')),
  'another order''s payment is refused, ' || coalesce('also under ' || account, 'by its owner')
)
from unnest(array[null, 'acct_1']) account;
select is(pg_temp.everything(), (select hash from before), 'and nothing changed');

select pg_temp.begin_run('run'), pg_temp.claim('run');
select lives_ok(
  format('select lapse.attach_payment(%L, %L)', pg_temp.ref('a'), 'pi_1'), 'repeating is harmless even while the order is being closed'
);

select * from finish();
rollback;
