begin;
\ir ../helpers.sql
select plan(15);

select pg_temp.place_due_order('a', '{pi_1,pi_2,pi_3}'), pg_temp.place_due_order('b');
select throws_ok(
  $$ update lapse.payments set state = 'dead', closed_at = now() where stripe_id = 'pi_1' $$, '23514', null, 'no payment is dead without evidence'
);
select throws_ok(
  $$ update lapse.payments set state = 'paid', evidence = '{}' where stripe_id = 'pi_1' $$, '23514', null, 'nor paid without a time'
);
update lapse.payments set state = 'dead', evidence = '{}', closed_at = now() where stripe_id = 'pi_1';
update lapse.payments set state = 'paid', evidence = '{}', closed_at = now() where stripe_id = 'pi_2';

select throws_ok(
  format('update lapse.payments set state = %L where state = %L', target, state), '23001',
  format('Cannot change state of %s from %s: it is final', case state when 'dead' then 'pi_1' else 'pi_2' end, state),
  format('a %s payment does not become %s', state, target)
)
from (values ('dead', 'open'), ('dead', 'paid'), ('paid', 'open'), ('paid', 'dead')) as it (state, target);
select lives_ok($$ update lapse.payments set reason = 'corrected', state = state $$, 'what does not move it may change');

select throws_ok(
  format('update lapse.payments set ref = %L where stripe_id = %L', pg_temp.ref('b'), 'pi_3'), '23001', null, 'a payment stays with its order'
);
select throws_ok(
  $$ delete from lapse.payments where stripe_id = 'pi_3' $$, '23001', null, 'nobody deletes one, for its order would look unpaid'
);
select throws_ok(
  format('truncate lapse.%I', it), '23001', null, format('nor empties lapse.%s', it)
)
from unnest('{orders,payments}'::text[]) it;
select set_config('lapse.retaining', 'on', true);
select lives_ok($$ delete from lapse.payments where stripe_id = 'pi_3' $$, 'but retention');

select throws_ok(
  format('insert into lapse.payments (stripe_id, ref) values (%L, %L)', stripe_id, pg_temp.ref('a')), '23514', null, stripe_id || ' is no id of a payment'
)
from unnest(array['ch_1', 'pi_1_secret_2', 'pi_']) stripe_id;

select * from finish();
rollback;
