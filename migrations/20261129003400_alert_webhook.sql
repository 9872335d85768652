-- The webhook: tells a chat or a pager of each alert: when it opens, when it becomes graver or doubles, once a day while
-- it is open, and when it closes.
--
-- lapse.send_alerts queues requests at pg_net and looks at their answers at the next watch. One that was refused, or
-- whose answer never came, is sent again by the next watch, then less and less often. Without lapse_alert_webhook_url in
-- Vault nothing is sent, and what could not be delivered is forgotten. An alert that became part of another one is told
-- as closed, with a word on where the incident goes on; if its opening was never told, nothing is said.

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
  told_count bigint,
  repeats integer not null default 0,
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
comment on column lapse.alert_messages.told_count is 'How many things it was about when it was last sent, for alerts that count.';
comment on column lapse.alert_messages.repeats is 'How often it was told again, because it grew or a day had passed.';

-- Contract: how many things an alert is about, for those that count them in their details.
create function lapse.alert_count(p_alert lapse.alerts) returns bigint
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case when jsonb_typeof((p_alert).details -> 'count') = 'number' then ((p_alert).details ->> 'count')::bigint end;
$$;
comment on function lapse.alert_count(lapse.alerts) is 'How many things an alert is about, if it counts them.';

-- Contract: the host of the project, by which a person tells several projects apart.
create function lapse.project_name() returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(substring(lapse.find_secret('lapse_functions_url') from '^https?://([^/]+)'), 'a project without lapse_functions_url');
exception when others then
  -- Vault cannot decrypt it, which L005 says. The alert has to go out all the same.
  return 'a project whose Vault cannot be read';
end;
$$;
comment on function lapse.project_name() is 'The host of the project, for messages.';

-- Contract: looks at the answers to earlier messages. One that was refused, or not answered in time, is due again: at
-- the next watch after the first attempt, then after 1, 3, 7 … minutes, at most an hour.
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

-- Contract: an alert in words, with everything that is needed to act on it. p_told is how many things it was about when
-- it was last told.
create function lapse.alert_text(p_alert lapse.alerts, p_state text, p_told bigint, p_repeats integer, p_now timestamptz) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select array_to_string(array[
    format('[%s] %s %s: %s', lapse.project_name(), (p_alert).code, case
      when p_state = 'resolved' then 'resolved after ' || lapse.spell((p_alert).resolved_at - (p_alert).since)
      when p_repeats > 0 then (p_alert).severity || ', still open'
      else (p_alert).severity
    end, (p_alert).message),
    'About: ' || (p_alert).object
  ] || case
    when p_state = 'resolved' then array[case
      when (p_alert).resolved_by is not null then format('%s closed it: %s', (p_alert).resolved_by, (p_alert).resolved_reason)
      when (p_alert).part_of is not null then format('It is part of %s now, which is open', (p_alert).part_of)
      else 'Its cause is gone. Nothing is left to do'
    end]
    else array[
      'Cause: ' || (p_alert).cause,
      format('Since: %s UTC, %s', to_char((p_alert).since at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), lapse.spell(p_now - (p_alert).since))
        || case when p_told < lapse.alert_count(p_alert) then format('; there were %s when this was last told', p_told) else '' end,
      'Next: ' || (p_alert).command,
      'What to do: ' || (p_alert).advice,
      (
        select format('When it is done: lapse alerts --resolve %s --reason TEXT', (p_alert).id)
        from lapse.alert_kinds k
        where k.code = (p_alert).code and k.nature = 'event'
      ),
      'Stripe: ' || (p_alert).stripe_url,
      'Runbook: ' || (p_alert).runbook
    ]
  end, E'\n');
$$;
comment on function lapse.alert_text(lapse.alerts, text, bigint, integer, timestamptz) is 'An alert in words, as the webhook tells it.';

-- Contract: what is sent about an alert, and where to. PagerDuty, and what speaks its Events API v2 (an address that
-- ends in /v2/enqueue?routing_key=KEY), gets an event; anybody else a body that suits Slack (text), Discord (content)
-- and plain receivers (alert) alike. Angle brackets would be markup in Slack; Discord is told to ring nobody by what a
-- text contains. Sources: developer.pagerduty.com/docs/send-alert-event,
-- docs.slack.dev/messaging/formatting-message-text.
create function lapse.alert_request(p_url text, p_alert lapse.alerts, p_state text, p_text text, out url text, out body jsonb)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case when x.routing_key is null then p_url else split_part(p_url, '?', 1) end,
    case when x.routing_key is null then jsonb_build_object(
      'text', replace(replace(replace(p_text, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'),
      'content', left(p_text, 2000),
      'allowed_mentions', '{"parse": []}'::jsonb,
      'alert', jsonb_build_object(
        'id', (p_alert).id, 'code', (p_alert).code, 'key', (p_alert).key, 'job', (p_alert).job, 'state', p_state,
        'project', lapse.project_name(), 'severity', (p_alert).severity, 'message', (p_alert).message, 'object', (p_alert).object,
        'cause', (p_alert).cause, 'command', (p_alert).command, 'advice', (p_alert).advice, 'runbook', (p_alert).runbook,
        'stripeUrl', (p_alert).stripe_url, 'details', (p_alert).details, 'occurrences', (p_alert).occurrences,
        'since', (p_alert).since, 'firstSeenAt', (p_alert).first_seen_at, 'lastSeenAt', (p_alert).last_seen_at,
        'resolvedAt', (p_alert).resolved_at
      )
    )
    else jsonb_build_object(
      'routing_key', x.routing_key,
      'event_action', case p_state when 'open' then 'trigger' else 'resolve' end,
      'dedup_key', format('lapse:%s:%s', lapse.project_name(), (p_alert).id),
      'client', 'Lapse',
      'payload', jsonb_build_object(
        'summary', left(split_part(p_text, E'\n', 1), 1024), 'source', lapse.project_name(), 'severity', (p_alert).severity,
        'timestamp', (p_alert).since, 'component', coalesce((p_alert).job, 'lapse'), 'class', (p_alert).code,
        'custom_details', jsonb_build_object('text', p_text)
      ),
      'links', (
        select coalesce(jsonb_agg(jsonb_build_object('href', l.href, 'text', l.name)), '[]')
        from (values ((p_alert).stripe_url, 'Stripe'), ((p_alert).runbook, 'Runbook')) l (href, name)
        where l.href ~ '^https?://'
      )
    ) end
  from (select substring(p_url from '/v2/enqueue\?routing_key=([A-Za-z0-9_-]+)$') as routing_key) x;
$$;
comment on function lapse.alert_request(text, lapse.alerts, text, text) is 'The JSON that the webhook gets, and its address.';

-- Contract: makes the messages that are due: every open alert once; of the closed ones those whose opening was told,
-- and those that came and went between two watches; and anew the openings of alerts that became worse since they were
-- told, or that were told a day ago.
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
      or a.resolved_at > p_now - interval '10 minutes' and a.part_of is null
      or exists (select from lapse.alert_messages m where m.alert_id = a.id and (m.attempts > 0 or m.repeats > 0))
    );

  update lapse.alert_messages m
  set delivered_at = null, attempts = 0, next_attempt_at = p_now, repeats = m.repeats + 1
  from lapse.alerts a
  where a.id = m.alert_id and a.resolved_at is null and m.state = 'open' and m.delivered_at is not null
    and (
      a.severity = 'critical' and m.told_severity = 'warning'
      or lapse.alert_count(a) >= 2 * m.told_count
      or m.delivered_at <= p_now - interval '1 day'
    );
$$;
comment on function lapse.write_messages(timestamptz) is 'Makes the messages about alerts that opened, closed, became worse or stay open.';

-- Contract: queues what is due, oldest first, at most 20 messages at a time: a flood of alerts must not fill pg_net's
-- batch.
create function lapse.send_alerts(p_now timestamptz) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_url text := lapse.find_secret('lapse_alert_webhook_url');
  v_message lapse.alert_messages;
  v_alert lapse.alerts;
  v_request record;
begin
  perform lapse.collect_deliveries(p_now);
  if v_url is null then
    -- A webhook that is gone fails no more (L015), and the next one is told of what is open then, from its first
    -- attempt on.
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
    v_request := lapse.alert_request(p_url => v_url, p_alert => v_alert, p_state => v_message.state, p_text => lapse.alert_text(
      p_alert => v_alert, p_state => v_message.state, p_told => v_message.told_count, p_repeats => v_message.repeats, p_now => p_now
    ));
    update lapse.alert_messages m
    set attempts = m.attempts + 1,
        sent_at = p_now,
        told_severity = v_alert.severity,
        told_count = lapse.alert_count(v_alert),
        request_id = net.http_post(url => v_request.url, body => v_request.body, timeout_milliseconds => 3000)
    where m.alert_id = v_message.alert_id and m.state = v_message.state;
  end loop;
end;
$$;
comment on function lapse.send_alerts(timestamptz) is 'Tells the alert webhook of alerts that opened, closed, became worse or stay open.';

create function lapse.check_webhook_failing(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'webhook_failing', null, 'warning', 'Alerts do not reach the webhook', min(m.sent_at),
    jsonb_build_object('count', count(*), 'cause', format(
      '%s messages: %s', count(*), max(m.error)
    ))
  from lapse.watch_settings() g
  join lapse.alert_messages m on m.delivered_at is null and m.attempts > g.alert_after
  join lapse.alerts a on a.id = m.alert_id and (m.state = 'resolved') = (a.resolved_at is not null)
  having count(*) > 0;
$$;
comment on function lapse.check_webhook_failing(timestamptz) is 'L015: messages that several attempts could not deliver.';
