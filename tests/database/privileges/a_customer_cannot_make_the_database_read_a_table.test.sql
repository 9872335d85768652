begin;
select no_plan();

-- What the database did for a query of somebody signed in, line by line.
create function pg_temp.plan_for(p_lapse_role text, p_query text) returns setof text
language plpgsql
as $$
begin
  perform set_config('request.jwt.claims', jsonb_build_object(
    'role', 'authenticated', 'app_metadata', jsonb_build_object('lapse_role', p_lapse_role)
  )::text, true);
  perform set_config('role', 'authenticated', true);
  return query execute 'explain (analyze, costs off, timing off, summary off) ' || p_query;
  perform set_config('role', 'none', true);
end;
$$;
create temp table queries as
  select format(q, c.oid::regclass) as query
  from pg_catalog.pg_class c,
    unnest(array['select * from %s', 'select count(*) from %s', 'select * from %s where random() < 0 order by 1 desc limit 5']) q
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'v' and c.relname like 'lapse\_%';
create temp table plans as
  select query, lapse_role, pg_temp.plan_for(lapse_role, query) as line
  from queries, unnest(array['customer', 'viewer']) lapse_role;

select is(
  (select count(*) from plans p where p.query = q.query and p.lapse_role = 'customer' and p.line like '%One-Time Filter%'), 1::bigint,
  format('the role is asked for once: %s', query)
)
from queries q;
select is_empty(
  $$ select query, line from plans where lapse_role = 'customer' and line like '%Scan%' and line not like '%(never executed)%' $$,
  'a customer''s queries read no table'
);
select isnt_empty(
  $$ select query, line from plans where lapse_role = 'viewer' and line like '%Scan%' and line not like '%(never executed)%' $$,
  'a viewer''s do'
);

select * from finish();
rollback;
