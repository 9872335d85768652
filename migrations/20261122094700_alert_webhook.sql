-- The webhook: tells a chat or a pager of each alert twice, when it opens and when it closes.
--
-- Contract: jobs.send_alerts queues requests at pg_net and looks at their answers at the next watch. A state that was delivered is never sent
-- again; one that was refused, or whose answer never came, is sent again by the next watch, then less and less often. Without
-- jobs_alert_webhook_url in Vault nothing is sent, and what could not be delivered is forgotten. The body suits Slack (text), Discord (content) and plain receivers (alert) alike.

create table jobs.alert_messages (
  alert_id bigint not null references public.job_alerts (id) on delete cascade,
  state text not null check (state in ('open', 'resolved')),
  attempts integer not null default 0,
  request_id bigint,
  sent_at timestamptz,
  next_attempt_at timestamptz not null,
  delivered_at timestamptz,
  error text,
  primary key (alert_id, state)
);

create index alert_messages_undelivered_idx on jobs.alert_messages (next_attempt_at) where delivered_at is null;

comment on table jobs.alert_messages is 'What was sent to the alert webhook, and what became of it.';

alter table jobs.alert_messages enable row level security;
revoke all on table jobs.alert_messages from public, anon, authenticated, service_role;

-- Contract: looks at the answers to earlier messages. One that was refused, or not answered in time, is due again: at the next watch after
-- the first attempt, then after 1, 3, 7 … minutes, at most an hour.
create function jobs.collect_deliveries(p_now timestamptz) returns void
language sql
set search_path = ''
as $$
  with answered as (
    select m.alert_id, m.state, coalesce(a.status between 200 and 299, false) as delivered,
      coalesce(a.error, 'status ' || a.status, 'no answer') as error
    from jobs.alert_messages m
    cross join jobs.watch_settings() g
    left join lateral jobs.find_response(p_request_id => m.request_id, p_sent_at => m.sent_at) a on true
    where m.delivered_at is null and m.request_id is not null
      and (a.status is not null or a.error is not null or m.sent_at < p_now - g.start_patience)
  )
  update jobs.alert_messages m
  set request_id = null,
      delivered_at = case when a.delivered then p_now end,
      error = case when not a.delivered then a.error end,
      next_attempt_at = p_now + least(interval '1 hour', interval '1 minute' * (2 ^ least(m.attempts - 1, 10) - 1))
  from answered a
  where m.alert_id = a.alert_id and m.state = a.state;
$$;

comment on function jobs.collect_deliveries(timestamptz) is 'Notes which messages were delivered, and when to send the others again.';

-- Contract: what is sent for an alert. Angle brackets would be markup in Slack; Discord is told to ring nobody by what a text contains.
create function jobs.alert_body(p_alert public.job_alerts, p_state text) returns jsonb
language sql stable
set search_path = ''
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

comment on function jobs.alert_body(public.job_alerts, text) is 'The JSON that the webhook gets.';

-- Contract: queues what is due, oldest first, at most 20 messages at a time: a flood of alerts must not fill pg_net's batch.
create function jobs.send_alerts(p_now timestamptz) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_url text;
  v_message jobs.alert_messages;
begin
  perform jobs.collect_deliveries(p_now);

  select jobs.checked_url(btrim(s.decrypted_secret), s.name) into v_url
  from vault.decrypted_secrets s
  where s.name = 'jobs_alert_webhook_url' and btrim(s.decrypted_secret) <> '';
  if v_url is null then
    -- A webhook that is gone fails no more (L015), and the next one is told of what is open then, from its first attempt on.
    delete from jobs.alert_messages m where m.delivered_at is null;
    return;
  end if;

  -- Every open alert; of the closed ones those whose opening was told, and those that came and went between two watches.
  insert into jobs.alert_messages (alert_id, state, next_attempt_at)
  select a.id, x.state, p_now
  from public.job_alerts a
  cross join lateral (select case when a.resolved_at is null then 'open' else 'resolved' end as state) x
  where not exists (select from jobs.alert_messages m where m.alert_id = a.id and m.state = x.state)
    and (
      a.resolved_at is null
      or a.resolved_at > p_now - interval '10 minutes'
      or exists (select from jobs.alert_messages m where m.alert_id = a.id and m.attempts > 0)
    );

  for v_message in
    select m.*
    from jobs.alert_messages m
    join public.job_alerts a on a.id = m.alert_id
    where m.delivered_at is null and m.request_id is null and m.next_attempt_at <= p_now
      -- what is over need not be announced any more
      and (m.state = 'resolved') = (a.resolved_at is not null)
    order by m.alert_id, m.state
    limit 20
  loop
    update jobs.alert_messages m
    set attempts = m.attempts + 1,
        sent_at = p_now,
        request_id = net.http_post(
          url => v_url,
          body => (select jobs.alert_body(a, m.state) from public.job_alerts a where a.id = m.alert_id),
          timeout_milliseconds => 3000
        )
    where m.alert_id = v_message.alert_id and m.state = v_message.state;
  end loop;
end;
$$;

comment on function jobs.send_alerts(timestamptz) is 'Tells the alert webhook of opened and closed alerts.';

create function jobs.check_webhook_failing(p_now timestamptz) returns setof jobs.condition
language sql stable
set search_path = ''
as $$
  select 'webhook_failing', null, 'warning', 'Alerts do not reach the webhook', min(m.sent_at),
    jsonb_build_object('undelivered', count(*), 'error', max(m.error))
  from jobs.watch_settings() g
  join jobs.alert_messages m on m.delivered_at is null and m.attempts > g.alert_after
  join public.job_alerts a on a.id = m.alert_id and (m.state = 'resolved') = (a.resolved_at is not null)
  having count(*) > 0;
$$;

comment on function jobs.check_webhook_failing(timestamptz) is 'L015: messages that several attempts could not deliver.';

revoke all on all functions in schema jobs from public;
