begin;
\ir ../helpers.sql
select plan(3);

create function pg_temp.raise(p_key text) returns void
language sql
as $$
  select lapse.raise_alert(
    p_key => p_key, p_job => null, p_severity => 'warning', p_message => p_key, p_details => '{}', p_now => pg_temp.noon()
  )
$$;
prepare messages as
select a.key, m.state from lapse.alerts a join lapse.alert_messages m on m.alert_id = a.id order by a.key, m.state;

select pg_temp.raise('throttled:told'), pg_temp.raise('throttled:untold');
select lapse.write_messages(pg_temp.noon());
update lapse.alert_messages m set attempts = 1 from lapse.alerts a where a.id = m.alert_id and a.key = 'throttled:told';
select results_eq(
  'messages', $$values ('throttled:told', 'open'), ('throttled:untold', 'open')$$, 'the opening of each is due'
);

-- Nobody watched for an hour, so none of the messages is new.
update lapse.alerts set resolved_at = pg_temp.noon() where true;
select lapse.write_messages(pg_temp.noon() + interval '1 hour');
select results_eq(
  'messages',
  $$values ('throttled:told', 'open'), ('throttled:told', 'resolved'), ('throttled:untold', 'open')$$,
  'only the end of the one whose opening was sent follows'
);
select lapse.write_messages(pg_temp.noon() + interval '2 hours');
select is(
  (select count(*)::integer from lapse.alert_messages where state = 'resolved'), 1, 'and follows once'
);

select * from finish();
rollback;
