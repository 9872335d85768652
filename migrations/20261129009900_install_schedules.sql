-- From here on the watch and the retention tick; both jobs wait for `lapse enable`. After a restore of a backup, run the same line by hand:
-- pg_cron's jobs may be missing there.

select lapse.install_schedules();
