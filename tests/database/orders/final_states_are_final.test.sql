begin;
\ir ../helpers.sql
select plan(12);

select pg_temp.place_due_order('expired'), pg_temp.place_due_order('paid'), pg_temp.place_due_order('quarantined');
update lapse.orders o
set status = x.status, closed_at = case when x.status <> 'quarantined' then now() end, next_check_at = null
from unnest(array['expired', 'paid', 'quarantined']) x (status)
where o.ref = pg_temp.ref(x.status);

-- As the owner of the tables: no privilege protects these rows here, only the triggers do.
select throws_ok(
  format(
    'update lapse.orders set status = %L, closed_at = case when %1$L in (%2$L, %3$L) then now() end, next_check_at = now(), run_id = %4$L where ref = %5$L',
    target, 'expired', 'paid', pg_temp.id('run'), pg_temp.ref(name)
  ),
  '23001', format('Cannot change status of %s from %s: it is final', pg_temp.ref(name), name), name || ' does not become ' || target
)
from unnest(array['expired', 'paid']) name, unnest(array['pending', 'expiring', 'quarantined', 'unknown', 'paid', 'expired']) target
where name <> target;
select throws_ok(
  format('update lapse.orders set status = %L, next_check_at = now(), run_id = %L where ref = %L', 'expiring', pg_temp.id('run'), pg_temp.ref('quarantined')),
  '23001', null, 'no run takes a quarantined order as an open one'
);
select lives_ok($$ update lapse.orders set reason = 'corrected', status = status $$, 'what does not move them may change');

select * from finish();
rollback;
