begin;
\ir ../helpers.sql
select plan(15);

create function pg_temp.try(p_with jsonb) returns text
language plpgsql
as $$
begin
  perform lapse.watch_order(
    p_ref => p_with ->> 'ref', p_amount => (p_with ->> 'amount')::bigint, p_currency => p_with ->> 'currency',
    p_deadline => (p_with ->> 'deadline')::timestamptz, p_placed_at => (p_with ->> 'placed_at')::timestamptz,
    p_account => p_with ->> 'account', p_now => pg_temp.noon()
  );
  return 'accepted';
exception when invalid_parameter_value then
  return sqlerrm;
end;
$$;

select is(pg_temp.try(said), message, said::text)
from (values
  ('{}'::jsonb, 'Cannot watch an order: its ref is empty or longer than 500 characters'),
  ('{"ref": ""}', 'Cannot watch an order: its ref is empty or longer than 500 characters'),
  ('{"ref": "o", "amount": -1, "currency": "eur"}', 'Cannot watch order o: its amount -1 is not a whole number of the currency''s minor unit'),
  ('{"ref": "o", "amount": 9007199254740992, "currency": "eur"}',
    'Cannot watch order o: its amount 9007199254740992 is not a whole number of the currency''s minor unit'),
  ('{"ref": "o", "amount": 1}', 'Cannot watch order o: null is not the ISO code of its currency'),
  ('{"ref": "o", "amount": 1, "currency": "euro"}', 'Cannot watch order o: euro is not the ISO code of its currency'),
  ('{"ref": "o", "deadline": "-infinity"}',
    'Cannot watch order o: its deadline -infinity is years away from the time it was placed, 2026-11-22 12:00:00+00'),
  ('{"ref": "o", "deadline": "1970-01-21 00:00:00+00"}',
    'Cannot watch order o: its deadline 1970-01-21 00:00:00+00 is years away from the time it was placed, 2026-11-22 12:00:00+00'),
  ('{"ref": "o", "deadline": "56812-01-01 00:00:00+00"}',
    'Cannot watch order o: its deadline 56812-01-01 00:00:00+00 is years away from the time it was placed, 2026-11-22 12:00:00+00'),
  ('{"ref": "o", "placed_at": "57884-01-01", "deadline": "57884-01-02"}', 'Cannot watch order o: it cannot have been placed at 57884-01-01 00:00:00+00'),
  ('{"ref": "o", "placed_at": "infinity"}', 'Cannot watch order o: it cannot have been placed at infinity'),
  ('{"ref": "o", "account": "acc_1"}', 'Cannot watch order o: acc_1 is not the id of a connected account (acct_…)')
) as bad (said, message);
select is(pg_temp.try(jsonb_build_object('ref', repeat('x', 501))) like 'Cannot watch an order:%', true, 'a ref without end');
select is(pg_temp.try(jsonb_build_object('ref', repeat('x', 500), 'currency', 'bogus')), 'accepted', 'without an amount the currency says nothing');
select is((select count(*) from lapse.orders), 1::bigint, 'nothing else was taken in');

select * from finish();
rollback;
