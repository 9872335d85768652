begin;
\ir ../helpers.sql
select plan(17);

create function pg_temp.alerts(p_order text) returns text[]
language sql
as $$ select array(select a.severity || ': ' || a.message from lapse.alerts a where a.key = 'paid_twice:' || pg_temp.ref(p_order)) $$;

create function pg_temp.tell(p_stripe_id text, p_evidence jsonb) returns void
language sql
as $$ update lapse.payments set evidence = p_evidence where stripe_id = p_stripe_id $$;

select pg_temp.place_due_order('known', '{cs_1,pi_1}');
select pg_temp.tell('cs_1', '{"intent": "pi_1"}');
select is(pg_temp.mark_paid('known', 'cs_1'), 'paid', 'the session pays');
select is(pg_temp.mark_paid('known', 'pi_1'), 'already_paid', 'its own intent is no second payment');
select is(pg_temp.alerts('known'), '{}', 'and no alert asks for a refund');
select is(pg_temp.mark_paid('known', 'pi_9'), 'paid_twice', 'another intent is');
select bag_eq(
  $$ select jsonb_array_elements_text(details -> 'payments') from lapse.alerts where key = 'paid_twice:' || pg_temp.ref('known') $$,
  $$ values ('cs_1'), ('pi_9') $$, 'and the alert names each money once'
);

select pg_temp.place_due_order('other way', '{cs_2,pi_2}');
select pg_temp.tell('pi_2', '{"session": "cs_2"}');
select pg_temp.mark_paid('other way', 'pi_2');
select is(pg_temp.mark_paid('other way', 'cs_2'), 'already_paid', 'the session after its own intent neither');
select is(pg_temp.alerts('other way'), '{}', 'whichever of the two says so');

select pg_temp.place_due_order('unknown', '{cs_3,pi_3}');
select pg_temp.mark_paid('unknown', 'cs_3');
select is(pg_temp.mark_paid('unknown', 'pi_3'), 'maybe_paid_twice', 'if Stripe was not asked, they may be one');
select is(
  pg_temp.alerts('unknown'),
  '{"warning: An order was paid by a Checkout Session and an intent that may be its own: compare the session''s intent before you refund"}',
  'so the alert calls for a comparison, not for a refund'
);
select is(pg_temp.mark_paid('unknown', 'pi_3'), 'already_paid', 'a repeated webhook reports nothing new');
select is(pg_temp.mark_paid('unknown', 'pi_4'), 'maybe_paid_twice', 'a third one is not refunded while it may be the session''s own');
select is((pg_temp.alerts('unknown'))[1] like 'critical: %', true, 'but of three, two are no one payment');

select pg_temp.place_due_order('asked', '{cs_5,pi_5}');
select pg_temp.tell('pi_5', '{"session": "none"}');
select pg_temp.mark_paid('asked', 'cs_5');
select is(pg_temp.mark_paid('asked', 'pi_5'), 'paid_twice', 'an intent of which Stripe said that it has no session is a second payment');
select is(pg_temp.alerts('asked'), '{"critical: An order was paid by more than one payment"}', 'and is reported as one');

select pg_temp.place_due_order('refunded', '{cs_6,pi_6,pi_7}');
select pg_temp.tell('cs_6', '{"intent": "pi_6"}');
select pg_temp.mark_paid('refunded', 'cs_6'), pg_temp.mark_paid('refunded', 'pi_7');
select is(
  pg_temp.mark_paid('refunded', 'pi_6'), 'already_paid', 'the money that is kept while the second payment is refunded is not called a second one'
);

select pg_temp.place_due_order('amounts', '{cs_8,pi_8}');
select pg_temp.tell('cs_8', '{"intent": "pi_8"}');
select pg_temp.mark_paid('amounts', 'cs_8', 600);
select is(pg_temp.mark_paid('amounts', 'pi_8', 600), 'partly_paid', 'half the amount reported twice is half the amount');
select is(pg_temp.mark_paid('amounts', 'pi_88', 400), 'paid', 'and the rest of it pays the order');

select * from finish();
rollback;
