-- What Studio shows of job_sweeps explains itself, like every other column.

comment on column public.job_sweeps.id is 'Number of the slice.';
comment on column public.job_sweeps.started_at is 'When a run first worked on the slice.';
comment on column public.job_sweeps.finished_at is 'When the slice had been walked to its end; empty while it is under way.';
