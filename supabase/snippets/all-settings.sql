-- Which settings are there, and what do they mean?
--
-- Change one with "update lapse.settings set NAME = VALUE where only_row". Invalid values are refused, and the next run uses the new one.

select a.attname as setting, to_jsonb(s) ->> a.attname as value, col_description(a.attrelid, a.attnum) as meaning
from pg_attribute a cross join lapse.settings s
where a.attrelid = 'lapse.settings'::regclass and a.attnum > 1 and not a.attisdropped
order by a.attnum;
