begin;
\ir ../helpers.sql
select plan(14);

create function pg_temp.note(p_kind text, p_ref text, p_payload jsonb) returns void
language sql
as $$ insert into lapse.inbox (kind, ref, payload, role) values (p_kind, p_ref, p_payload, 'service_role') $$;
create function pg_temp.reason(p_ref text) returns text
language sql
as $$ select i.error from lapse.inbox i where i.ref = p_ref $$;

select pg_temp.note('watch', 'good', '{"amount": "1", "currency": "eur"}');
select pg_temp.note('watch', 'NaN', '{"amount": "NaN", "currency": "eur"}'), pg_temp.note('watch', 'cents', '{"amount": "1.234", "currency": "eur", "unit": "major"}');
select pg_temp.note('watch', 'words', '{"amount": "much", "currency": "eur"}'), pg_temp.note('watch', 'time', '{"deadline": "-infinity"}');
select pg_temp.note('watch', 'when', '{"time_to_pay": "soon"}'), pg_temp.note('watch', null, '{}'), pg_temp.note('watch', 'failed', '{"problem": "no disk"}');
select pg_temp.note('attach', 'id', '{"stripe_id": "ch_1"}'), pg_temp.note('attach', 'account', '{"stripe_id": "pi_9", "account": "mine"}');
select pg_temp.note('attach', 'good', '{"stripe_id": "pi_1"}'), pg_temp.note('attach', 'thief', '{"stripe_id": "pi_1"}');
select pg_temp.note('follow', 'lost', '{"problem": "no disk"}');

select lapse.fold_inbox(array['good', 'words'], p_now => pg_temp.noon());
select is(pg_temp.reason('words'), null, 'a transaction of the shop''s leaves it to the next run to complain');
select lapse.fold_inbox(p_now => pg_temp.noon());
select is(pg_temp.reason(ref), reason, ref)
from (values
  ('NaN', 'Cannot watch order NaN: its amount NaN is not a whole number of the currency''s minor unit'),
  ('cents', 'Cannot watch order cents: its amount 123.400 is not a whole number of the currency''s minor unit'),
  ('words', 'invalid input syntax for type numeric: "much"'),
  ('when', 'invalid input syntax for type interval: "soon"'),
  ('failed', 'no disk'),
  ('lost', 'no disk'),
  ('id', 'ch_1 is not the id of a PaymentIntent or Checkout Session'),
  ('account', 'mine is not the id of a connected account'),
  ('thief', 'pi_1 belongs to order good')
) as bad (ref, reason);
select is((select count(*) from lapse.inbox where error is null), 0::bigint, 'each bad entry has a reason');
select results_eq(
  'select ref collate "default", status, payments from lapse.orders order by 1', $$ values ('good', 'pending', 1) $$,
  'and the good ones are read all the same'
);

select lapse.fold_inbox(p_now => pg_temp.noon());
select pg_temp.note('watch', 'words', '{"amount": "7", "currency": "eur"}');
select is(lapse.fold_inbox(p_now => pg_temp.noon()), 1, 'a bad entry is not read again');
select is(pg_temp.reason('words'), null, 'and is gone once a later one says the same well');

select * from finish();
rollback;
