begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(6);

-- One order of each status with one open payment, named alike.
select pg_temp.place_due_order('pending', '{pi_pending}');
select pg_temp.place_due_order('paid', '{pi_paid,pi_paying}');
select public.mark_order_paid(pg_temp.id('paid'), 'pi_paying', pg_temp.noon());
select pg_temp.place_due_order('claimed', '{pi_claimed}');
select pg_temp.begin_run('other job');
select pg_temp.claim('other job');
select pg_temp.settle('other job', array[pg_temp.decide('pending', 'quarantined')]);
select pg_temp.place_due_order('left', '{pi_left}');

create function pg_temp.stale(p_due_by timestamptz default pg_temp.noon(), p_livemode boolean default false) returns text[]
language sql
as $$
  select array(
    select format('%s%s', p ->> 'stripeId', case when p -> 'listed' <> 'null' then format(
      ', %s looks%s', p #>> '{listed,looks}', case when (p #>> '{listed,ending}')::boolean then ', ending' end
    ) end)
    from jsonb_array_elements(public.jobs_stale_payments(
      p_livemode => p_livemode, p_due_by => p_due_by, p_limit => 100, p_now => pg_temp.noon()
    )) p
    order by 1
  )
$$;

select is(
  (select array_agg(status order by status) from public.orders), '{expiring,paid,pending,quarantined}', 'there is an order of each open kind'
);
select is(pg_temp.stale(), '{pi_paid}', 'an order that is open, claimed or set aside keeps its payments');

insert into jobs.revisits (livemode, stripe_id, kind, order_id, reason, looks, next_look_at, ending_since, first_seen_at)
values
  (false, 'pi_paid', 'payment_intent', pg_temp.id('paid'), 'processing', 3, pg_temp.noon() + interval '1 second', null, pg_temp.noon()),
  (false, 'pi_due', 'payment_intent', pg_temp.id('gone'), 'ending', 0, pg_temp.noon(), pg_temp.noon(), pg_temp.noon()),
  (true, 'pi_live', 'payment_intent', pg_temp.id('gone'), 'processing', 1, pg_temp.noon(), null, pg_temp.noon());
select is(pg_temp.stale(), '{"pi_due, 0 looks, ending"}', 'what is on the revisit list comes when it is due, and in no other way');
select is(
  pg_temp.stale(pg_temp.noon() + interval '1 second'), '{"pi_due, 0 looks, ending","pi_paid, 3 looks"}', 'to the second'
);
select is(pg_temp.stale(p_livemode => true), '{"pi_live, 1 looks",pi_paid}', 'each mode has a revisit list of its own');
select is(
  (select count(*) from public.order_payments p where p.state = 'open'), 4::bigint, 'and nothing was changed'
);

select * from finish();
rollback;
