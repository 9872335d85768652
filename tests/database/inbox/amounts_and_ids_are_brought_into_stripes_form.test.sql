begin;
\ir ../helpers.sql
select plan(18);

select is(lapse.minor_units(amount, currency), minor, amount || ' ' || currency)
from (values
  (12.50, 'eur', 1250::numeric), (12.50, 'EUR', 1250), (500, 'jpy', 500), (1.234, 'kwd', 1234), (1000, 'isk', 100000), (1000, 'ugx', 100000),
  (7, 'huf', 700), (null, 'eur', null)
) as it (amount, currency, minor);

select is(lapse.stripe_id_in(said), id, coalesce(said, 'null'))
from (values
  ('pi_3Abc', 'pi_3Abc'),
  (' cs_test_b1 ', 'cs_test_b1'),
  ('pi_3Abc_secret_xyz', 'pi_3Abc'),
  ('https://checkout.stripe.com/c/pay/cs_live_a1B2#fidkdWxOYHwnPyd1', 'cs_live_a1B2'),
  ('ch_1', null), ('seti_1', null), ('api_key', null), ('undefined', null), ('', null), (null, null)
) as it (said, id);

select * from finish();
rollback;
