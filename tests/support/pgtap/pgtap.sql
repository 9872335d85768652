-- The functions of pgTAP that the tests in tests/database/ use, for a server without the extension (`npm test`). CI runs the same tests
-- under the real one, so nothing here may be more lenient: comparisons compare types as well, and an unknown function is an error.
--
-- In a schema of its own, which the runner adds to the search path. Each assertion answers a line of TAP, numbered within its transaction.

create schema tap;
-- A test may go on as another role.
grant usage on schema tap to public;

create function tap.plan(integer) returns text
language sql
as $$ select format('1..%s', $1) from set_config('tap.number', '0', true) as n, set_config('tap.planned', 'yes', true) as p $$;

create function tap.no_plan() returns setof boolean
language plpgsql
as $$
begin
  perform set_config('tap.number', '0', true), set_config('tap.planned', 'no', true);
end;
$$;

create function tap.finish() returns setof text
language sql
as $$ select '1..' || current_setting('tap.number') where current_setting('tap.planned') = 'no' $$;

create function tap.diag(text) returns text
language sql
as $$ select '# ' || replace($1, e'\n', e'\n# ') $$;

create function tap.ok(boolean, text default null) returns text
language plpgsql
as $$
declare
  v_number integer := current_setting('tap.number')::integer + 1;
begin
  perform set_config('tap.number', v_number::text, true);
  return format('%sok %s - %s', case when $1 then '' else 'not ' end, v_number, coalesce($2, ''));
end;
$$;

create function tap.pass(text default null) returns text
language sql
as $$ select tap.ok(true, $1) $$;

create function tap.fail(text default null) returns text
language sql
as $$ select tap.ok(false, $1) $$;

-- A failed assertion with what there is and what there should be.
create function tap.verdict(p_good boolean, p_have text, p_want text, p_description text) returns text
language sql
as $$
  select tap.ok(p_good, p_description) || case when p_good then '' else
    e'\n' || tap.diag(format(e'    have: %s\n    want: %s', coalesce(p_have, 'NULL'), coalesce(p_want, 'NULL'))) end
$$;

create function tap.is(anyelement, anyelement, text default null) returns text
language sql
as $$ select tap.verdict(not $1 is distinct from $2, $1::text, $2::text, $3) $$;

create function tap.isnt(anyelement, anyelement, text default null) returns text
language sql
as $$ select tap.verdict($1 is distinct from $2, $1::text, 'anything else', $3) $$;

create function tap.cmp_ok(anyelement, text, anyelement, text default null) returns text
language plpgsql
as $$
declare
  v_good boolean;
begin
  execute format('select $1 %s $2', $2) into v_good using $1, $3;
  return tap.verdict(coalesce(v_good, false), $1::text, format('%s %s', $2, coalesce($3::text, 'NULL')), $4);
end;
$$;

create function tap.matches(anyelement, text, text default null) returns text
language sql
as $$ select tap.verdict($1::text ~ $2, $1::text, format('a match of %s', $2), $3) $$;

create function tap.alike(anyelement, text, text default null) returns text
language sql
as $$ select tap.verdict($1::text ~~ $2, $1::text, format('something like %s', $2), $3) $$;

-- A query, or the name of a prepared one.
create function tap.query(text) returns text
language sql immutable
as $$ select case when $1 ~ '\s' then $1 else 'execute ' || $1 end $$;

-- Row by row, in order. Rows of other types are no equal rows, as in pgTAP.
create function tap.results_eq(refcursor, refcursor, text default null) returns text
language plpgsql
as $$
declare
  v_have record;
  v_want record;
  v_has boolean;
  v_wants boolean;
  v_row integer := 0;
begin
  loop
    v_row := v_row + 1;
    fetch $1 into v_have;
    v_has := found;
    fetch $2 into v_want;
    v_wants := found;
    exit when not v_has and not v_wants;
    if v_has <> v_wants or v_have is distinct from v_want then
      return tap.ok(false, $3) || e'\n' || tap.diag(format(e'    row %s differs:\n    have: %s\n    want: %s', v_row,
        case when v_has then v_have::text else 'no row' end, case when v_wants then v_want::text else 'no row' end));
    end if;
  end loop;
  return tap.ok(true, $3);
exception
  when datatype_mismatch then
    return tap.ok(false, $3) || e'\n' || tap.diag(
      format(e'    number of columns or their types differ in row %s (%s):\n    have: %s\n    want: %s', v_row, sqlerrm, v_have, v_want));
end;
$$;

create function tap.results_eq(text, text, text default null) returns text
language plpgsql
as $$
declare
  v_have refcursor;
  v_want refcursor;
  v_answer text;
begin
  open v_have for execute tap.query($1);
  open v_want for execute tap.query($2);
  v_answer := tap.results_eq(v_have, v_want, $3);
  close v_have;
  close v_want;
  return v_answer;
end;
$$;

create function tap.results_eq(text, anyarray, text default null) returns text
language plpgsql
as $$
declare
  v_have refcursor;
  v_want refcursor;
  v_answer text;
begin
  open v_have for execute tap.query($1);
  open v_want for select $2[i] from generate_subscripts($2, 1) i;
  v_answer := tap.results_eq(v_have, v_want, $3);
  close v_have;
  close v_want;
  return v_answer;
end;
$$;

create function tap.row_eq(text, anyelement, text default null) returns text
language plpgsql
as $$
declare
  v_row record;
begin
  execute tap.query($1) into v_row;
  return tap.verdict(not v_row is distinct from $2, v_row::text, $2::text, $3);
exception
  when datatype_mismatch then
    return tap.ok(false, $3) || e'\n' || tap.diag(format(e'    %s:\n    have: %s\n    want: %s', sqlerrm, v_row, $2));
end;
$$;

-- Rows in any order: with their numbers, or each once.
create function tap.same_rows(p_have text, p_want text, p_all text, p_description text) returns text
language plpgsql
as $$
declare
  v_extra text;
  v_missing text;
begin
  execute format('create temp table tap_have as %s', tap.query(p_have));
  execute format('create temp table tap_want as %s', tap.query(p_want));
  execute format('select string_agg(x::text, e''\n        '') from (select * from tap_have except %s select * from tap_want) x', p_all) into v_extra;
  execute format('select string_agg(x::text, e''\n        '') from (select * from tap_want except %s select * from tap_have) x', p_all) into v_missing;
  drop table tap_have, tap_want;
  return tap.ok(v_extra is null and v_missing is null, p_description)
    || coalesce(e'\n' || tap.diag(e'    extra:\n        ' || v_extra), '')
    || coalesce(e'\n' || tap.diag(e'    missing:\n        ' || v_missing), '');
end;
$$;

create function tap.set_eq(text, text, text default null) returns text
language sql
as $$ select tap.same_rows($1, $2, '', $3) $$;

create function tap.bag_eq(text, text, text default null) returns text
language sql
as $$ select tap.same_rows($1, $2, 'all', $3) $$;

create function tap.is_empty(text, text default null) returns text
language plpgsql
as $$
declare
  v_row record;
  v_rows text;
begin
  for v_row in execute tap.query($1) loop
    v_rows := concat_ws(e'\n        ', v_rows, v_row::text);
  end loop;
  return tap.ok(v_rows is null, $2) || coalesce(e'\n' || tap.diag(e'    unexpected:\n        ' || v_rows), '');
end;
$$;

create function tap.isnt_empty(text, text default null) returns text
language plpgsql
as $$
declare
  v_rows bigint;
begin
  execute tap.query($1);
  get diagnostics v_rows = row_count;
  return tap.ok(v_rows > 0, $2);
end;
$$;

create function tap.lives_ok(text, text default null) returns text
language plpgsql
as $$
begin
  execute tap.query($1);
  return tap.ok(true, $2);
exception
  when others then
    return tap.ok(false, $2) || e'\n' || tap.diag(format('    died: %s: %s', sqlstate, sqlerrm));
end;
$$;

create function tap.throws(p_query text, p_code text, p_message text, p_matches text, p_description text) returns text
language plpgsql
as $$
begin
  execute tap.query(p_query);
  return tap.ok(false, p_description) || e'\n' || tap.diag(format('    lived, wanted: %s %s', p_code, coalesce(p_message, p_matches)));
exception
  when others then
    return tap.verdict(
      (p_code is null or sqlstate = p_code) and (p_message is null or sqlerrm = p_message)
        and (p_matches is null or sqlerrm like p_matches),
      format('%s: %s', sqlstate, sqlerrm), format('%s: %s', coalesce(p_code, '*'), coalesce(p_message, p_matches, '*')),
      coalesce(p_description, 'threw ' || coalesce(p_code, p_message, p_matches, 'an exception')));
end;
$$;

-- As in pgTAP, a second argument of five bytes is a SQLSTATE, and any other is the message.
create function tap.throws_ok(text) returns text
language sql
as $$ select tap.throws($1, null, null, null, null) $$;

create function tap.throws_ok(text, text) returns text
language sql
as $$
  select case when octet_length($2) = 5 then tap.throws($1, $2, null, null, null) else tap.throws($1, null, $2, null, null) end
$$;

create function tap.throws_ok(text, text, text) returns text
language sql
as $$
  select case when octet_length($2) = 5 then tap.throws($1, $2, $3, null, null) else tap.throws($1, null, $2, null, $3) end
$$;

create function tap.throws_ok(text, character, text, text) returns text
language sql
as $$ select tap.throws($1, $2, $3, null, $4) $$;

create function tap.throws_like(text, text, text default null) returns text
language sql
as $$ select tap.throws($1, null, null, $2, $3) $$;
