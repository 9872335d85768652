begin;
select plan(1);

select is_empty(
  $$ select c.oid::regclass, a.attname from pg_catalog.pg_class c
     join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where (c.relnamespace = 'public'::regnamespace and c.relname like 'lapse\_%' or c.relnamespace = 'lapse'::regnamespace)
       and c.relkind in ('r', 'p', 'v', 'm') and a.attname <> 'only_row' and col_description(c.oid, a.attnum) is null $$,
  'every column has a comment'
);

select * from finish();
rollback;
