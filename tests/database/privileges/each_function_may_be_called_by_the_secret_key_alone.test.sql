begin;
select plan(4);

-- Complete: a function of `public` without a row here fails the test.
create temp table expected (name text);
insert into expected values
  ('place_order'), ('attach_payment'), ('mark_order_paid'),
  ('jobs_begin_run'), ('jobs_claim_orders'), ('jobs_settle_orders'), ('jobs_expire_without_payments'), ('jobs_finish_run'), ('jobs_count_intents'),
  ('jobs_continue_run'), ('jobs_preview_orders'), ('jobs_redrive_order'), ('jobs_reserve_calls'), ('jobs_report_throttle'),
  ('jobs_stale_payments'), ('jobs_next_slice'), ('jobs_preview_slice'), ('jobs_inspect_payments'), ('jobs_plan_ends'),
  ('jobs_settle_payments'), ('jobs_resolve_alert'), ('jobs_health'), ('jobs_sync_order'), ('jobs_claim_without_payments'), ('jobs_schedule'),
  ('jobs_inspect'), ('jobs_declare_dead');

create temp view own as
  select p.* from pg_catalog.pg_proc p
  where p.pronamespace in ('public'::regnamespace, 'jobs'::regnamespace)
    and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e');

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
     where o.pronamespace = 'jobs'::regnamespace and has_function_privilege(role, o.oid, 'execute') $$,
  'the private ones are closed to all three'
);
select is_empty(
  $$ select o.oid::regprocedure from own o where not coalesce(
       o.proconfig @> array['search_path=""'], false
     ) $$,
  'every function, and above all every definer function, pins its search_path'
);
select is_empty(
  $$ select o.oid::regprocedure from own o where o.prosecdef
     and (has_function_privilege('anon', o.oid, 'execute') or has_function_privilege('authenticated', o.oid, 'execute')) $$,
  'splinter 0028 and 0029: no definer function is within reach of anon or a signed-in user'
);

select * from finish();
rollback;
