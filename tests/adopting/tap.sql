-- Stands in for pgTAP, which needs Debian's packages: the assertions that tests/database uses, in as many words as they need. Rows are
-- compared by their values. Each answers a line, as pgTAP does; tests/adopting/database_test.ts reads them.

create schema tap;

create function tap.ok(p_passed boolean, p_name text) returns text
language sql
as $$ select case when p_passed then 'ok - ' else 'not ok - ' end || p_name $$;

create function tap.is(p_have anyelement, p_want anyelement, p_name text) returns text
language sql
as $$
  select case when p_have is not distinct from p_want then 'ok - ' || p_name
    else format('not ok - %s: current value is %s instead of %s', p_name, coalesce(p_have::text, 'null'), coalesce(p_want::text, 'null')) end
$$;

-- A row as the list of its values: names of columns do not count, and 10 is 10.0.
create function tap.values_of(p_row json) returns jsonb
language sql
as $$ select jsonb_agg(v.value::jsonb order by v.nr) from json_each(p_row) with ordinality as v (key, value, nr) $$;

-- The rows of a query, or of a prepared statement.
create function tap.rows_of(p_query text) returns jsonb
language plpgsql
as $$
declare
  v_row record;
  v_rows jsonb := '[]';
begin
  for v_row in execute case when p_query ~ '^\w+$' then 'execute ' || p_query else p_query end loop
    v_rows := v_rows || jsonb_build_array(tap.values_of(row_to_json(v_row)));
  end loop;
  return v_rows;
end;
$$;

create function tap.bag_of(p_query text) returns jsonb
language sql
as $$ select coalesce(jsonb_agg(r order by r), '[]') from jsonb_array_elements(tap.rows_of(p_query)) r $$;

-- What a statement raises: its SQLSTATE and message; two nulls when it raises nothing.
create function tap.error_of(p_query text, out code text, out message text)
language plpgsql
as $$
begin
  execute case when p_query ~ '^\w+$' then 'execute ' || p_query else p_query end;
exception when others then
  code := sqlstate;
  message := sqlerrm;
end;
$$;

create function tap.plan(p_tests integer) returns text language sql as $$ select '1..' || p_tests $$;
create function tap.finish() returns setof text language sql as $$ select null::text where false $$;

create function tap.cmp_ok(p_have anyelement, p_operator text, p_want anyelement, p_name text) returns text
language plpgsql
as $$
declare
  v_passed boolean;
begin
  execute format('select $1 %s $2', p_operator) into v_passed using p_have, p_want;
  return tap.ok(v_passed, format('%s (%s %s %s)', p_name, p_have, p_operator, p_want));
end;
$$;

create function tap.results_eq(p_have text, p_want text, p_name text) returns text
language sql as $$ select tap.is(tap.rows_of(p_have), tap.rows_of(p_want), p_name) $$;

create function tap.bag_eq(p_have text, p_want text, p_name text) returns text
language sql as $$ select tap.is(tap.bag_of(p_have), tap.bag_of(p_want), p_name) $$;

create function tap.row_eq(p_have text, p_want anyelement, p_name text) returns text
language sql as $$ select tap.is(tap.rows_of(p_have), jsonb_build_array(tap.values_of(row_to_json(p_want))), p_name) $$;

create function tap.is_empty(p_have text, p_name text) returns text
language sql as $$ select tap.is(tap.rows_of(p_have), '[]', p_name) $$;

create function tap.lives_ok(p_query text, p_name text) returns text
language sql as $$ select tap.is(e.message, null, p_name) from tap.error_of(p_query) e $$;

create function tap.throws_ok(p_query text, p_code text, p_message text, p_name text) returns text
language sql
as $$
  select tap.is(concat_ws(' ', e.code, e.message), concat_ws(' ', coalesce(p_code, e.code, 'an error'), coalesce(p_message, e.message)), p_name)
  from tap.error_of(p_query) e
$$;

create function tap.throws_like(p_query text, p_pattern text, p_name text) returns text
language sql as $$ select tap.is(e.message like p_pattern, true, p_name) from tap.error_of(p_query) e $$;
