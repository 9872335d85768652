begin;
select plan(1);

select throws_ok(
  $$ select public.jobs_reserve_calls(true, 'account', 1) $$, '22023', 'Cannot reserve calls to this endpoint: current value is account',
  'nobody calls an endpoint of that name'
);

select * from finish();
rollback;
