-- From here on the schedule ticks. After a restore of a backup, run the same line by hand: pg_cron's jobs may be missing there.

select jobs.install_schedules();
