-- The private schema of the jobs.
--
-- `public` holds what the shop and its operators see through the REST API. `jobs` holds settings, leases, budgets and every
-- function that pg_cron calls; it is not exposed, and no API role may even look names up in it.

create schema jobs;

revoke all on schema jobs from public;

comment on schema jobs is 'Private machinery of Lapse: settings, leases, call budgets, schedules. Not exposed over REST.';
