begin;
\ir ../helpers.sql
\ir ../cleanup.sql
select plan(3);

-- An intent of the page that names this order, as Stripe calls it.
create function pg_temp.listed(p_stripe_id text, p_order text, p_status text) returns jsonb
language sql
as $$ select jsonb_build_object('stripeId', p_stripe_id, 'orderId', pg_temp.id(p_order), 'status', p_status) $$;

create function pg_temp.inspected(p_intents jsonb[]) returns text[]
language sql
as $$
  select array(
    select p ->> 'stripeId'
    from jsonb_array_elements(public.jobs_inspect_payments(p_livemode => false, p_payments => to_jsonb(p_intents), p_now => pg_temp.noon())) p
  )
$$;

select pg_temp.place_due_order('paid', '{pi_paid,pi_other,pi_dead}');
select public.mark_order_paid(pg_temp.id('paid'), 'pi_paid', pg_temp.noon());
select pg_temp.place_due_order('open', '{pi_open}');
select pg_temp.place_due_order('half', '{pi_half}');
update public.order_payments set state = 'dead', evidence = '{}', closed_at = pg_temp.noon() where stripe_id = 'pi_dead';
-- Recorded as paid, while its order is not.
update public.order_payments set state = 'paid', evidence = '{}', closed_at = pg_temp.noon() where stripe_id = 'pi_half';

select is(
  pg_temp.inspected(array[
    pg_temp.listed('pi_paid', 'paid', 'succeeded'), pg_temp.listed('pi_dead', 'paid', 'canceled')
  ]),
  '{}', 'paid by the paid order it names, or recorded dead: nothing to be said'
);
select is(
  pg_temp.inspected(array[
    pg_temp.listed('pi_paid', 'paid', 'canceled'), pg_temp.listed('pi_paid', 'paid', 'processing'),
    pg_temp.listed('pi_paid', 'open', 'succeeded'), pg_temp.listed('pi_paid', 'paid', null),
    pg_temp.listed('pi_dead', 'paid', 'succeeded'), pg_temp.listed('pi_dead', 'open', 'canceled'),
    pg_temp.listed('pi_other', 'paid', 'succeeded'), pg_temp.listed('pi_other', 'paid', 'canceled'),
    pg_temp.listed('pi_open', 'open', 'succeeded'), pg_temp.listed('pi_half', 'half', 'succeeded'),
    pg_temp.listed('pi_new', 'paid', 'succeeded'), pg_temp.listed('pi_new', 'gone', 'canceled')
  ]),
  '{pi_paid,pi_paid,pi_paid,pi_paid,pi_dead,pi_dead,pi_other,pi_other,pi_open,pi_half,pi_new,pi_new}',
  'whatever is not written down as Stripe tells it is answered, in the order of asking'
);

insert into jobs.revisits (livemode, stripe_id, stripe_account, kind, order_id, reason, next_look_at, first_seen_at)
values (false, 'pi_paid', '', 'payment_intent', pg_temp.id('paid'), 'order_open', pg_temp.noon(), pg_temp.noon());
select is(
  pg_temp.inspected(array[pg_temp.listed('pi_paid', 'paid', 'succeeded')]), '{pi_paid}', 'what is on the revisit list is never left out'
);

select * from finish();
rollback;
