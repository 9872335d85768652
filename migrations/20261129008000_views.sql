-- What the REST API serves: one view for each table of the ledger that operators and viewers read.
--
-- The views read with their reader's rights, so that the policies of the tables below decide (lapse.secure). A policy
-- alone is a filter on each row, and a signed-in customer could make the database read millions of rows to show none.
-- So each view also checks the role once, before it reads anything. Roles other than `authenticated` are not subject
-- to a policy.

do $$
declare
  v_table text;
begin
  foreach v_table in array '{metrics,metrics_daily,runs,decisions,alerts,orders,payments,refunds,jobs,schedules}'::text[] loop
    execute format(
      $view$
        create view public.%I with (security_invoker = true) as
        select t.* from lapse.%I t
        where (
          select current_user <> 'authenticated'
            or coalesce(auth.jwt() -> 'app_metadata' ->> 'lapse_role' in ('operator', 'viewer'), false)
        )
      $view$,
      'lapse_' || v_table, v_table
    );
  end loop;
end;
$$;

-- Copies the comments of each table and its columns to its view.
do $$
declare
  v_comment text;
begin
  for v_comment in
    select case when a.attname is null then format('comment on view public.%I is %L', v.relname, d.description)
      else format('comment on column public.%I.%I is %L', v.relname, a.attname, d.description) end
    from pg_catalog.pg_class v
    join pg_catalog.pg_class t on t.relname = substr(v.relname, length('lapse_') + 1) and t.relnamespace = 'lapse'::regnamespace
    join pg_catalog.pg_description d on d.objoid = t.oid and d.classoid = 'pg_catalog.pg_class'::regclass
    left join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = d.objsubid and d.objsubid > 0
    where v.relnamespace = 'public'::regnamespace and v.relkind = 'v' and v.relname like 'lapse\_%'
  loop
    execute v_comment;
  end loop;
end;
$$;
