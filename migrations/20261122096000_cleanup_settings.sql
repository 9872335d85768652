-- What the weekly clean-up goes by.

alter table jobs.settings
  add column stale_age interval not null default interval '7 days' check (stale_age >= interval '1 hour'),
  add column sweep_start timestamptz,
  add column sweep_slice interval not null default interval '30 days'
    check (sweep_slice between interval '1 hour' and interval '366 days');

comment on column jobs.settings.stale_age is 'The sweep leaves payments alone that are younger than this.';
comment on column jobs.settings.sweep_start is
  'How far back the sweep goes. Empty: 30 days before its first run. An earlier moment set later is made up for.';
comment on column jobs.settings.sweep_slice is
  'Longest slice that the sweep walks with one cursor. A week fits into one; an old account takes several.';

insert into jobs.alert_kinds (kind, code, nature, title) values
  ('payments_unclear', 'L017', 'event', 'Payments of closed orders need a person');
