-- Settings of the database itself. `pgrst.db_schemas` tells PostgREST, and the Supabase linter, what is exposed.

do $$
begin
  execute format('alter database %I set pgrst.db_schemas = ''public''', current_database());
  execute format('alter database %I set search_path = "$user", public, extensions', current_database());
  execute format('alter database %I set timezone = ''UTC''', current_database());
end;
$$;
