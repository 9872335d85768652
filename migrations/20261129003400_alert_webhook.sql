-- The webhook: notifies a chat or a pager of each alert when it opens, when it becomes more severe or doubles, once a
-- day while it is open, and when it closes.
--
-- lapse.send_alerts queues requests at pg_net and reads their responses at the next watch. A message that was refused
-- or not answered is sent again by the next watch, then with growing pauses. Without lapse_alert_webhook_url in Vault
-- nothing is sent, and undelivered messages are deleted. If an alert becomes part of another one, the webhook reports
-- it as closed and names the other one, unless its opening was never reported.

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

comment on table lapse.alert_messages is 'Messages to the alert webhook, and their delivery.';
comment on column lapse.alert_messages.alert_id is 'The alert.';
comment on column lapse.alert_messages.state is 'open: that it opened; resolved: that it closed.';
comment on column lapse.alert_messages.attempts is 'How often it was sent.';
comment on column lapse.alert_messages.request_id is 'Id of the HTTP request at pg_net whose response was not read yet.';
comment on column lapse.alert_messages.sent_at is 'When it was last sent.';
comment on column lapse.alert_messages.next_attempt_at is 'When it is sent next, unless it was delivered.';
comment on column lapse.alert_messages.delivered_at is 'When the webhook accepted it.';
comment on column lapse.alert_messages.error is 'Why the last attempt failed.';
comment on column lapse.alert_messages.told_severity is 'Severity of the alert when it was last sent.';
comment on column lapse.alert_messages.told_count is 'How many orders or other things it concerned when it was last sent, for alerts that count.';
comment on column lapse.alert_messages.repeats is 'How often it was sent again, because the alert grew or a day had passed.';

-- How many things an alert is about, if its details count them.
create function lapse.alert_count(p_alert lapse.alerts) returns bigint
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case when jsonb_typeof((p_alert).details -> 'count') = 'number' then ((p_alert).details ->> 'count')::bigint end;
$$;

-- Contract: the host of the project, which distinguishes several projects.
create function lapse.project_name() returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(substring(lapse.find_secret('lapse_functions_url') from '^https?://([^/]+)'), 'a project without lapse_functions_url');
exception when others then
  -- Vault cannot decrypt it, which L005 reports. The alert must be sent nevertheless.
  return 'a project whose Vault cannot be read';
end;
$$;

-- Contract: reads the responses to earlier messages. A message that was refused or not answered in time is due again:
-- at the next watch after the first attempt, then after 1, 3, 7 … minutes, at most an hour.
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

-- Contract: an alert in words, with everything needed to act on it. p_told is how many things it concerned when it was
-- last sent.
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
      when (p_alert).part_of is not null then format('It is now part of %s, which is open', (p_alert).part_of)
      else 'Its cause is gone. Nothing is left to do'
    end]
    else array[
      'Cause: ' || (p_alert).cause,
      format('Since: %s UTC, %s', to_char((p_alert).since at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), lapse.spell(p_now - (p_alert).since))
        || case when p_told < lapse.alert_count(p_alert) then format('; there were %s in the last message', p_told) else '' end,
      'Next: ' || (p_alert).command,
      'What to do: ' || (p_alert).advice,
      (
        select format('When done: lapse alerts --resolve %s --reason TEXT', (p_alert).id)
        from lapse.alert_kinds k
        where k.code = (p_alert).code and k.nature = 'event'
      ),
      'Stripe: ' || (p_alert).stripe_url,
      'Runbook: ' || (p_alert).runbook
    ]
  end, E'\n');
$$;

-- Contract: the body sent about an alert, and its address. PagerDuty and other receivers of its Events API v2 (an
-- address that ends in /v2/enqueue?routing_key=KEY) get an event. All others get a body that suits Slack (text),
-- Discord (content) and plain receivers (alert). Angle brackets would be markup in Slack; in Discord a text must not
-- mention anybody. Sources: developer.pagerduty.com/docs/send-alert-event,
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

-- Contract: creates the messages that are due: one for every open alert; one for each closed alert whose opening was
-- sent, or that opened and closed between two watches; and another opening for alerts that became worse since the last
-- message, or whose last message is a day old.
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

-- Contract: queues due messages, oldest first, at most 20 at a time, so that a flood of alerts does not fill pg_net's
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
    -- A webhook that was removed no longer fails (L015). The next one gets the alerts that are open then, as first
    -- attempts.
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
      -- The opening of an alert that has closed need not be sent.
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

-- L015: messages that several attempts could not deliver.
create function lapse.check_webhook_failing(p_now timestamptz) returns setof lapse.condition
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'webhook_failing', null, 'warning', 'Alerts do not reach the webhook', min(m.sent_at),
    jsonb_build_object('count', count(*), 'cause', format(
      '%s %s: %s', count(*), case count(*) when 1 then 'message' else 'messages' end, max(m.error)
    ))
  from lapse.watch_settings() g
  join lapse.alert_messages m on m.delivered_at is null and m.attempts > g.alert_after
  join lapse.alerts a on a.id = m.alert_id and (m.state = 'resolved') = (a.resolved_at is not null)
  having count(*) > 0;
$$;
