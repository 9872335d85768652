-- Takes Lapse out of this database: its schedules, triggers, adapter, indexes, Vault entries and schemas. The shop's own tables keep what
-- they hold. Stripe's key is no secret of the database and stays where it is.
--
-- Refuses as long as something is half done, or something of the shop's stands on Lapse. It is one transaction: then nothing changes.

do $$
declare
  v_job record;
  v_found text;
begin
  -- First, so that no run begins while the rest waits for its locks.
  for v_job in select j.jobid from cron.job j where j.jobname like 'lapse-%' and j.database = current_database() loop
    perform cron.unschedule(v_job.jobid);
  end loop;

  if exists (select from lapse.orders o where o.status = 'expiring') then
    raise exception 'Cannot uninstall Lapse: a run is working on orders'
      using hint = 'Run lapse disable, wait two minutes, and push again.';
  end if;
  if to_regclass('lapse.refunds') is not null then
    execute $sql$ select string_agg(r.stripe_id, ', ') from lapse.refunds r where r.status in ('queued', 'pending') $sql$
      into v_found;
    if v_found is not null then
      raise exception 'Cannot uninstall Lapse: refunds are still under way for %', v_found
        using hint = 'Wait until they have succeeded, or give them up, and push again.';
    end if;
  end if;

  -- What "cascade" would take along without a word.
  with lapses as (
    select 'pg_class'::regclass as catalogue, c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('lapse', 'lapse_shop') or n.nspname = 'public' and c.relname like 'lapse\_%'
    union all
    select 'pg_proc'::regclass, p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('lapse', 'lapse_shop') or n.nspname = 'public' and p.proname like 'lapse\_%'
    union all
    select 'pg_type'::regclass, t.oid from pg_type t join pg_namespace n on n.oid = t.typnamespace
    where n.nspname in ('lapse', 'lapse_shop') or n.nspname = 'public' and t.typname like any ('{lapse\\_%,\\_lapse\\_%}')
  ),
  dependent as (
    select distinct pg_describe_object(d.classid, d.objid, 0) as name,
      case
        when d.classid = 'pg_rewrite'::regclass then (select r.ev_class from pg_rewrite r where r.oid = d.objid)
        when d.classid = 'pg_constraint'::regclass then (select k.conrelid from pg_constraint k where k.oid = d.objid)
        when d.classid = 'pg_attrdef'::regclass then (select a.adrelid from pg_attrdef a where a.oid = d.objid)
        when d.classid = 'pg_class'::regclass then d.objid
      end as relation,
      case when d.classid = 'pg_proc'::regclass then d.objid end as function
    from pg_depend d
    join lapses l on l.catalogue = d.refclassid and l.oid = d.refobjid
    where d.deptype = 'n' and d.classid in (
      'pg_rewrite'::regclass, 'pg_constraint'::regclass, 'pg_attrdef'::regclass, 'pg_class'::regclass, 'pg_proc'::regclass
    )
  )
  select string_agg(d.name, ', ' order by d.name) into v_found
  from dependent d
  where not exists (select from lapses l where l.oid in (d.relation, d.function))
    and coalesce(d.relation, d.function) is not null;
  if v_found is not null then
    raise exception 'Cannot uninstall Lapse: the shop still uses it in %', v_found
      using hint = 'Change or drop these first, and push again.';
  end if;
end;
$$;

do $$
declare
  v_command text;
begin
  for v_command in
    select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass)
    from pg_trigger t
    join pg_proc p on p.oid = t.tgfoid
    join pg_class c on c.oid = t.tgrelid
    where p.pronamespace in ('lapse'::regnamespace, 'lapse_shop'::regnamespace) and not t.tgisinternal and t.tgparentid = 0
      and c.relnamespace not in ('lapse'::regnamespace, 'lapse_shop'::regnamespace)
    union all
    select format('drop index %s', i.indexrelid::regclass)
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    where c.relname like '%\_lapse\_open\_idx' and c.relnamespace not in ('lapse'::regnamespace, 'lapse_shop'::regnamespace)
    union all
    select format('drop view %s', c.oid::regclass)
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relname like 'lapse\_%' and c.relkind = 'v'
    union all
    select format('drop function %s', p.oid::regprocedure)
    from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname like 'lapse\_%'
  loop
    execute v_command;
  end loop;
end;
$$;

delete from vault.secrets s
where s.name in ('lapse_functions_url', 'lapse_scheduler_secret', 'lapse_alert_webhook_url', 'lapse_ping_url');

drop schema lapse_shop cascade;
drop schema lapse cascade;
