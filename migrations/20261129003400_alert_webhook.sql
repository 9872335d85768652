-- The webhook: tells a chat or a pager of each alert when it opens and when it closes, and again when it becomes worse.
--
-- lapse.send_alerts queues requests at pg_net and looks at their answers at the next watch. A state that was delivered is not sent again,
-- unless a warning became critical, or the number of orders behind it doubled, or grew for a day; one that was refused, or whose answer
-- never came, is sent again by the next watch, then less and less often. Without lapse_alert_webhook_url in Vault nothing is sent, and what
-- could not be delivered is forgotten. The body suits Slack (text), Discord (content) and plain receivers (alert) alike.

create table lapse.alert_messages (
  alert_id bigint not null references lapse.alerts (id) on delete cascade,
  state text not null check (state in ('open', 'resolved')),
  attempts integer not null default 0,
  request_id bigint,
  sent_at timestamptz,
  next_attempt_at timestamptz not null,
  delivered_at timestamptz,
  error text,
  told_severity text,
  told_orders bigint,
  primary key (alert_id, state)
);

create index alert_messages_undelivered_idx on lapse.alert_messages (next_attempt_at) where delivered_at is null;

comment on table lapse.alert_messages is 'What was sent to the alert webhook, and what became of it.';
comment on column lapse.alert_messages.alert_id is 'The alert.';
comment on column lapse.alert_messages.state is 'open: that it opened; resolved: that it closed.';
comment on column lapse.alert_messages.attempts is 'How often it was sent.';
comment on column lapse.alert_messages.request_id is 'Id of the HTTP request at pg_net that nobody has looked at yet.';
comment on column lapse.alert_messages.sent_at is 'When it was last sent.';
comment on column lapse.alert_messages.next_attempt_at is 'When it is sent next, unless it was delivered.';
comment on column lapse.alert_messages.delivered_at is 'When the webhook took it.';
comment on column lapse.alert_messages.error is 'Why the last attempt failed.';
comment on column lapse.alert_messages.told_severity is 'Severity of the alert when it was last sent.';
comment on column lapse.alert_messages.told_orders is 'Orders behind the alert when it was last sent, for alerts that count them.';

-- Contract: how many orders stand behind an alert, for those that count them in their details.
create function lapse.alert_orders(p_alert lapse.alerts) returns bigint
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case when jsonb_typeof((p_alert).details -> 'orders') = 'number' then ((p_alert).details ->> 'orders')::bigint end;
$$;
comment on function lapse.alert_orders(lapse.alerts) is 'How many orders stand behind an alert that counts them.';

-- Contract: looks at the answers to earlier messages. One that was refused, or not answered in time, is due again: at the next watch after
-- the first attempt, then after 1, 3, 7 … minutes, at most an hour.
create function lapse.collect_deliveries(p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  with answered as (
    select m.alert_id, m.state, coalesce(a.status between 200 and 299, false) as delivered,
      coalesce(a.error, 'status ' || a.status, 'no answer') as error
    from lapse.alert_messages m
    cross join lapse.watch_settings() g
    left join lateral lapse.find_response(p_request_id => m.request_id, p_sent_at => m.sent_at) a on true
    where m.delivered_at is null and m.request_id is not null
      and (a.status is not null or a.error is not null or m.sent_at < p_now - g.start_patience)
  )
  update lapse.alert_messages m
  set request_id = null,
      delivered_at = case when a.delivered then p_now end,
      error = case when not a.delivered then a.error end,
      next_attempt_at = p_now + least(interval '1 hour', interval '1 minute' * (2 ^ least(m.attempts - 1, 10) - 1))
  from answered a
  where m.alert_id = a.alert_id and m.state = a.state;
$$;
comment on function lapse.collect_deliveries(timestamptz) is 'Notes which messages were delivered, and when to send the others again.';

-- Contract: what is sent for an alert. Angle brackets would be markup in Slack; Discord is told to ring nobody by what a text contains.
create function lapse.alert_body(p_alert lapse.alerts, p_state text) returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'text', replace(replace(replace(x.line, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'),
    'content', left(x.line, 2000),
    'allowed_mentions', '{"parse": []}'::jsonb,
    'alert', jsonb_build_object(
      'id', (p_alert).id, 'code', (p_alert).code, 'key', (p_alert).key, 'job', (p_alert).job, 'state', p_state,
      'severity', (p_alert).severity, 'message', (p_alert).message, 'details', (p_alert).details,
      'occurrences', (p_alert).occurrences, 'firstSeenAt', (p_alert).first_seen_at,
      'lastSeenAt', (p_alert).last_seen_at, 'resolvedAt', (p_alert).resolved_at
    )
  )
  from (
    select concat_ws(' ', (p_alert).code, case p_state when 'open' then (p_alert).severity else 'resolved' end) || ': ' || (p_alert).message
      as line
  ) x;
$$;
comment on function lapse.alert_body(lapse.alerts, text) is 'The JSON that the webhook gets.';

-- Contract: makes the messages that are due: every open alert once; of the closed ones those whose opening was told, and those that came and
-- went between two watches; and anew the openings of alerts that became worse since they were told.
create function lapse.write_messages(p_now timestamptz) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into lapse.alert_messages (alert_id, state, next_attempt_at)
  select a.id, x.state, p_now
  from lapse.alerts a
  cross join lateral (select case when a.resolved_at is null then 'open' else 'resolved' end as state) x
  where not exists (select from lapse.alert_messages m where m.alert_id = a.id and m.state = x.state)
    and (
      a.resolved_at is null
      or a.resolved_at > p_now - interval '10 minutes'
      or exists (select from lapse.alert_messages m where m.alert_id = a.id and m.attempts > 0)
    );

  update lapse.alert_messages m
  set delivered_at = null, attempts = 0, next_attempt_at = p_now
  from lapse.alerts a
  where a.id = m.alert_id and a.resolved_at is null and m.state = 'open' and m.delivered_at is not null
    and (
      a.severity = 'critical' and m.told_severity = 'warning'
      or lapse.alert_orders(a) >= 2 * m.told_orders
      or lapse.alert_orders(a) > m.told_orders and m.delivered_at <= p_now - interval '1 day'
    );
$$;
comment on function lapse.write_messages(timestamptz) is 'Makes the messages about alerts that opened, closed or became worse.';

-- Contract: queues what is due, oldest first, at most 20 messages at a time: a flood of alerts must not fill pg_net's batch.
create function lapse.send_alerts(p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_url text := lapse.find_secret('lapse_alert_webhook_url');
  v_message lapse.alert_messages;
  v_alert lapse.alerts;
begin
  perform lapse.collect_deliveries(p_now);
  if v_url is null then
    -- A webhook that is gone fails no more (L015), and the next one is told of what is open then, from its first attempt on.
    delete from lapse.alert_messages m where m.delivered_at is null;
    return;
  end if;
  v_url := lapse.checked_url(v_url, 'lapse_alert_webhook_url');
  perform lapse.write_messages(p_now);

  for v_message in
    select m.*
    from lapse.alert_messages m
    join lapse.alerts a on a.id = m.alert_id
    where m.delivered_at is null and m.request_id is null and m.next_attempt_at <= p_now
      -- what is over need not be announced any more
      and (m.state = 'resolved') = (a.resolved_at is not null)
    order by m.alert_id, m.state
    limit 20
  loop
    select * into strict v_alert from lapse.alerts a where a.id = v_message.alert_id;
    update lapse.alert_messages m
    set attempts = m.attempts + 1,
        sent_at = p_now,
        told_severity = v_alert.severity,
        told_orders = lapse.alert_orders(v_alert),
        request_id = net.http_post(
          url => v_url, body => lapse.alert_body(v_alert, v_message.state), timeout_milliseconds => 3000
        )
    where m.alert_id = v_message.alert_id and m.state = v_message.state;
  end loop;
end;
$$;
comment on function lapse.send_alerts(timestamptz) is 'Tells the alert webhook of alerts that opened, closed or became worse.';

create function lapse.check_webhook_failing(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'webhook_failing', null, 'warning', 'Alerts do not reach the webhook', min(m.sent_at),
    jsonb_build_object('undelivered', count(*), 'error', max(m.error))
  from lapse.watch_settings() g
  join lapse.alert_messages m on m.delivered_at is null and m.attempts > g.alert_after
  join lapse.alerts a on a.id = m.alert_id and (m.state = 'resolved') = (a.resolved_at is not null)
  having count(*) > 0;
$$;
comment on function lapse.check_webhook_failing(timestamptz) is 'L015: messages that several attempts could not deliver.';

-- Contract: calls the dead man's switch while all is well. A monitor outside that hears nothing for some minutes knows that the watch, the
-- database, or the product is not well; nothing here has to work for that.
create function lapse.ping(p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_url text := lapse.find_secret('lapse_ping_url');
begin
  if v_url is not null and lapse.health(p_now) -> 'reasons' = '[]' then
    perform net.http_get(url => lapse.checked_url(v_url, 'lapse_ping_url'), timeout_milliseconds => 3000);
  end if;
end;
$$;
comment on function lapse.ping(timestamptz) is 'Calls the dead man''s switch while all is well.';
