-- What the second shop adds for Lapse, beside its own tables: one row per sale and one per Stripe reference. Its tables stay as they are.
--
-- sale_watch.id is the uuid by which Lapse knows the sale, and what the checkout writes into Stripe's metadata as order_id. Triggers make
-- the rows, so that the shop's own code need not change, and keep the promises of docs/design.md whoever writes.

create table shop2.sale_watch (
  id uuid primary key default gen_random_uuid(),
  sale_no bigint not null unique references shop2.sales,
  status text not null default 'pending' check (status in ('pending', 'expiring', 'expired', 'paid', 'quarantined')),
  status_reason text,
  next_check_at timestamptz,
  refs integer not null default 0,
  attempt integer not null default 0,
  failures integer not null default 0,
  claimed_by uuid,
  closed_at timestamptz,
  constraint checked_while_open check ((status in ('pending', 'expiring')) = (next_check_at is not null)),
  constraint claimed_while_expiring check ((status = 'expiring') = (claimed_by is not null))
);

-- The same three indexes as the first shop's: what is due, what is due without a payment, what is set aside.
create index sale_watch_due_idx on shop2.sale_watch (next_check_at, id) where status in ('pending', 'expiring');
create index sale_watch_due_without_ref_idx on shop2.sale_watch (next_check_at, id) where status in ('pending', 'expiring') and refs = 0;
create index sale_watch_quarantined_idx on shop2.sale_watch (id) where status = 'quarantined';

create table shop2.ref_watch (
  id uuid primary key default gen_random_uuid(),
  ref text not null unique references shop2.stripe_refs,
  sale_id uuid not null references shop2.sale_watch,
  kind text not null check (kind in ('payment_intent', 'checkout_session')),
  account text,
  state text not null default 'open' check (state in ('open', 'paid', 'dead')),
  reason text,
  evidence jsonb,
  grace_until timestamptz,
  added timestamptz not null,
  checked_at timestamptz,
  closed_at timestamptz,
  constraint evidence_when_closed check (state = 'open' or (evidence is not null and closed_at is not null))
);
create index ref_watch_sale_idx on shop2.ref_watch (sale_id);
create index ref_watch_open_idx on shop2.ref_watch (sale_id) where state = 'open';
create index ref_watch_added_idx on shop2.ref_watch (added) where kind = 'payment_intent';

-- A sale is watched from the moment it is placed; two minutes after its deadline the job looks.
create function shop2.watch_sale() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  insert into shop2.sale_watch (sale_no, next_check_at) values (new.sale_no, new.pay_until + interval '2 minutes');
  return null;
end;
$$;

create trigger watched after insert on shop2.sales for each row execute function shop2.watch_sale();

-- The update takes the lock that a claim takes: whoever comes second sees what the first decided. Only a pending sale takes a payment;
-- money that came in is recorded whatever became of the sale (shop2.lapse_records is set by the functions of the port).
create function shop2.watch_ref() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_sale shop2.sale_watch;
begin
  update shop2.sale_watch w set refs = w.refs + 1 where w.sale_no = new.sale_no returning * into v_sale;
  if v_sale.status <> 'pending' and coalesce(current_setting('shop2.lapse_records', true), '') <> 'on' then
    raise exception 'Cannot attach payment % as the order is not pending: current value is %', new.ref, v_sale.status
      using errcode = 'PT409';
  end if;
  insert into shop2.ref_watch (ref, sale_id, kind, account, added)
  values (new.ref, v_sale.id, case when new.ref like 'cs\_%' then 'checkout_session' else 'payment_intent' end, new.account, new.added);
  return null;
end;
$$;

create trigger watched after insert on shop2.stripe_refs for each row execute function shop2.watch_ref();

create function shop2.guard_sale() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if old.status in ('paid', 'expired') then
    raise exception 'Cannot change sale % as it is final: current value is %', old.sale_no, old.status using errcode = 'restrict_violation';
  end if;
  if new.status = 'expired' and exists (select from shop2.ref_watch r where r.sale_id = new.id and r.state <> 'dead') then
    raise exception 'Cannot expire sale % as a payment is not dead: current value is open', old.sale_no using errcode = 'restrict_violation';
  end if;
  return new;
end;
$$;

create trigger guarded before update of status on shop2.sale_watch
  for each row when (new.status <> old.status) execute function shop2.guard_sale();

create function shop2.guard_ref() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception 'Cannot change payment % as it is final: current value is %', old.ref, old.state using errcode = 'restrict_violation';
end;
$$;

create trigger guarded before update of state on shop2.ref_watch
  for each row when (old.state in ('paid', 'dead') and new.state <> old.state) execute function shop2.guard_ref();

-- What the shop does to a sale by itself, its watch follows, so that no run touches a sale that was paid in cash; and a sale that still has
-- a payable payment cannot be voided (guard_sale). The port writes to the watch before it writes to the sale: there is nothing to follow.
create function shop2.follow_sale() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  update shop2.sale_watch w
  set status = case new.state when 'paid' then 'paid' else 'expired' end, status_reason = 'closed_by_shop', closed_at = now(),
      next_check_at = null, claimed_by = null
  where w.sale_no = new.sale_no and w.status in ('pending', 'expiring', 'quarantined');
  return null;
end;
$$;

create trigger followed after update of state on shop2.sales
  for each row when (old.state = 'open' and new.state <> 'open') execute function shop2.follow_sale();

-- The sales that were open when Lapse came, with every payment they have: one left out would be paid after its sale was voided. The
-- triggers above keep their tables locked until this migration commits. The brake will hold the first run if there are many.
insert into shop2.sale_watch (sale_no, next_check_at, refs)
select s.sale_no, s.pay_until + interval '2 minutes', (select count(*) from shop2.stripe_refs r where r.sale_no = s.sale_no)
from shop2.sales s
where s.state = 'open';

insert into shop2.ref_watch (ref, sale_id, kind, account, added)
select r.ref, w.id, case when r.ref like 'cs\_%' then 'checkout_session' else 'payment_intent' end, r.account, r.added
from shop2.stripe_refs r
join shop2.sale_watch w using (sale_no);
