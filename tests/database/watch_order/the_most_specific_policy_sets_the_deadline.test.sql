begin;
\ir ../helpers.sql
select plan(8);

delete from lapse.deadline_policies;
insert into lapse.deadline_policies (method, channel, time_to_pay) values
  (null, 'kiosk', '10 minutes'), ('oxxo', 'kiosk', '1 day'), (null, null, '30 minutes'), ('oxxo', null, '3 days');

create function pg_temp.deadline_of(p_method text, p_channel text, p_deadline timestamptz default null) returns interval
language plpgsql
as $$
begin
  perform lapse.watch_order(
    p_ref => p_method || p_channel, p_method => p_method, p_channel => p_channel, p_deadline => p_deadline, p_now => pg_temp.noon()
  );
  return (select o.deadline - pg_temp.noon() from lapse.orders o where o.ref = p_method || p_channel);
end;
$$;

select is(pg_temp.deadline_of('card', 'web'), '30 minutes', 'nothing matches: the default');
select is(pg_temp.deadline_of('card', 'kiosk'), '10 minutes', 'the channel matches');
select is(pg_temp.deadline_of('oxxo', 'web'), '3 days', 'the method matches');
select is(pg_temp.deadline_of('oxxo', 'kiosk'), '1 day', 'both match: before method alone and channel alone');
delete from lapse.deadline_policies where method = 'oxxo' and channel = 'kiosk';
select is(pg_temp.deadline_of('oxxo', 'kiosk'), '1 day', 'an order that is watched again without news keeps its deadline');
delete from lapse.orders;
select is(pg_temp.deadline_of('oxxo', 'kiosk'), '3 days', 'method and channel each match a row: the method wins');
select throws_ok(
  $$ insert into lapse.deadline_policies (method, channel, time_to_pay) values (null, null, '1 hour') $$,
  '23505', null, 'two defaults cannot exist'
);
delete from lapse.deadline_policies;
select is(pg_temp.deadline_of('bank', 'web'), '7 days', 'without a default an order is left alone for a week, and not refused');

select * from finish();
rollback;
