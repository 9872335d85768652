-- From here on the watch and the retention run; both jobs wait for `lapse enable`. After restoring a backup, execute
-- the same line again, because pg_cron's jobs may be missing.

select lapse.install_schedules();
