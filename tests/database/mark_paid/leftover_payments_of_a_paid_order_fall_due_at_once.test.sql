begin;
\ir ../helpers.sql
select plan(3);

select pg_temp.place_due_order('left over', '{pi_1,pi_2}', p_due_for => '-1 hour'), pg_temp.place_due_order('single', '{pi_3}', p_due_for => '-1 hour');
select pg_temp.mark_paid('left over', 'pi_1'), pg_temp.mark_paid('single', 'pi_3');
select is(pg_temp.told('left over', 'next_check_at')::timestamptz, pg_temp.noon(), 'the next run cancels the other payment');
select is(pg_temp.told('single', 'next_check_at'), null, 'where there is none, nothing is left to do');
select pg_temp.begin_run('run');
select is(pg_temp.claim('run'), 1, 'the run claims the paid order for it');

select * from finish();
rollback;
