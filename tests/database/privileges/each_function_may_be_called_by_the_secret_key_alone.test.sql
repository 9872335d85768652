begin;
select plan(5);

-- Complete: a function of `public` without a row here fails the test, so that nobody exposes one without deciding for whom.
create temp table expected (name text);
insert into expected values
  ('lapse_watch_order'), ('lapse_attach_payment'), ('lapse_mark_paid'), ('lapse_follow_order'),
  ('lapse_begin_run'), ('lapse_finish_run'), ('lapse_continue_run'), ('lapse_list_windows'), ('lapse_record_listed'), ('lapse_list_failed'),
  ('lapse_close_without_payments'), ('lapse_claim_orders'), ('lapse_claim_without_payments'), ('lapse_preview_orders'),
  ('lapse_settle_orders'), ('lapse_shrink_close_batch'), ('lapse_find_payment'), ('lapse_record_event'), ('lapse_preview_units'), ('lapse_read_metrics'),
  ('lapse_claim_refunds'), ('lapse_record_refund'), ('lapse_release_refunds'), ('lapse_connect'),
  ('lapse_sync_order'), ('lapse_redrive_order'), ('lapse_declare_dead'), ('lapse_resolve_order'), ('lapse_resolve_alert'),
  ('lapse_adopt_orders'), ('lapse_test_adapter'), ('lapse_enable'), ('lapse_disable'),
  ('lapse_health'), ('lapse_schedule'), ('lapse_inspect');

create temp view own as
  select p.* from pg_catalog.pg_proc p
  where p.pronamespace = 'lapse'::regnamespace or p.pronamespace = 'public'::regnamespace and p.proname like 'lapse\_%';

select bag_eq(
  $$ select o.proname::text collate "default", string_agg(role, ', ' order by role) filter (where has_function_privilege(role, o.oid, 'execute'))
     from own o, unnest(array['anon', 'authenticated', 'service_role']) role
     where o.pronamespace = 'public'::regnamespace group by o.oid, o.proname $$,
  $$ select name, 'service_role' from expected $$,
  'every function: service_role may call it, anon and authenticated may not'
);
select is_empty(
  $$ select o.oid::regprocedure, role
     from own o, unnest(array['anon', 'authenticated', 'service_role']) role
     where o.pronamespace = 'lapse'::regnamespace and has_function_privilege(role, o.oid, 'execute') $$,
  'the private ones are closed to all three'
);
select is_empty(
  $$ select o.oid::regprocedure from own o
     where not coalesce(o.proconfig @> array['search_path=pg_catalog, pg_temp'], false) and o.prokind <> 'p' $$,
  'every function, and above all every definer function, pins its search_path'
);
select results_eq(
  $$ select o.proname::text collate "default", o.prosecdef from own o where o.prokind = 'p' order by 1 $$,
  $$ values ('retain', false), ('watch', false) $$,
  'the two procedures cannot, because they commit; they run with the rights of whoever calls them'
);
select is_empty(
  $$ select o.oid::regprocedure from own o where o.prosecdef
     and (has_function_privilege('anon', o.oid, 'execute') or has_function_privilege('authenticated', o.oid, 'execute')) $$,
  'splinter 0028 and 0029: no definer function is within reach of anon or a signed-in user'
);

select * from finish();
rollback;
