begin;
select plan(2);

select is_empty(
  $$ select c.oid::regclass from pg_catalog.pg_class c
     where (c.relnamespace = 'public'::regnamespace and c.relname like 'lapse\_%' or c.relnamespace = 'lapse'::regnamespace)
       and c.relkind in ('r', 'p', 'v', 'm') and obj_description(c.oid, 'pg_class') is null $$,
  'every table and view has a comment'
);
-- Functions that only other functions call are described in the source.
select is_empty(
  $$ select p.oid::regprocedure from pg_catalog.pg_proc p
     where obj_description(p.oid, 'pg_proc') is null and (
       p.pronamespace = 'public'::regnamespace and p.proname like 'lapse\_%'
       or p.pronamespace = 'lapse'::regnamespace and p.proname = any (array[
         'watch_order', 'attach_payment', 'mark_paid', 'follow_order', 'tg_watch', 'tg_attach', 'tg_follow',
         'adopt_orders', 'drift', 'secure', 'enable', 'install_schedules', 'pause_schedules',
         'set_secret', 'set_functions_url', 'set_alert_webhook', 'set_ping_url',
         'redrive_order', 'sync_order', 'declare_dead', 'resolve_order', 'resolve_alert', 'release_refunds',
         'dispatch', 'watch', 'retain', 'health', 'inspect', 'version'
       ])
     ) $$,
  'every function that people, the shop or pg_cron call has a comment'
);

select * from finish();
rollback;
