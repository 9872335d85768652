import assert from "node:assert/strict";
import { type LivingShop, UNITS, useLivingShops, withLivingShop } from "../support/living-shop.ts";

useLivingShops();

/** What an adapter does wrong: a body in place of its own function, which is there as real_… */
type Lie = {
  name: string;
  lock?: string;
  finish?: string;
  open?: string;
  /** Stock moves as this adapter says, which Lapse cannot verify. */
  wrongUnits?: boolean;
};

const REAL = "lapse_shop.real_lock_orders(p_refs, p_wait)";
const FINISH = "perform lapse_shop.real_finish_orders(p_expired, p_paid);";
/** A sequence counts calls even if they are rolled back. */
const NOW_AND_THEN = (every: number) => `
  if nextval('test.calls') % ${every} = 0 then
    raise exception 'the adapter fails' using errcode = (array['P0001', '23505', '40P01', '57014', '22P02'])[1 + nextval('test.states') % 5];
  end if;`;

const LIES: Lie[] = [
  {
    name: "answers orders twice, with two states and two counts",
    lock:
      `return query select r.* from ${REAL} r union all select r.ref, 'paid', r.units + 7, '{}'::text[] from ${REAL} r
      where r.ref like '%1' or r.ref like '%4' union all select r.* from ${REAL} r;`,
  },
  {
    name: "answers orders that nobody asked about",
    lock: `return query select r.* from ${REAL} r;
      return query select r.* from lapse_shop.real_lock_orders(array(select id from public.orders), p_wait) r where r.ref <> all (p_refs);`,
    open: "select * from lapse_shop.real_open_orders()",
  },
  {
    name: "answers and locks in another order",
    lock: `declare v_ref text; begin
      foreach v_ref in array array(select r from unnest(p_refs) r order by r desc) loop
        return query select r.* from lapse_shop.real_lock_orders(array[v_ref], p_wait) r; end loop; end;`,
  },
  {
    name: "leaves out every second order",
    lock: `return query select r.* from ${REAL} r where hashtext(r.ref) % 2 = 0;`,
  },
  {
    name: "raises now and then, in every function",
    lock: `${NOW_AND_THEN(3)} return query select r.* from ${REAL} r;`,
    finish: `${NOW_AND_THEN(2)} ${FINISH}`,
  },
  { name: "raises in the middle of closing", finish: `${FINISH} ${NOW_AND_THEN(2)}` },
  { name: "never closes anything", finish: "null;" },
  { name: "closes one order of many", finish: "perform lapse_shop.real_finish_orders(p_expired[1:1], p_paid[1:1]);" },
  { name: "takes what is expired for paid", finish: "perform lapse_shop.real_finish_orders(p_paid, p_expired);" },
  {
    name: "forgets the compare-and-set",
    finish: `
      update public.orders set state = 'cancelled' where id = any (p_expired);
      update public.orders set state = 'paid' where id = any (p_paid);
      update public.variants v set stock_quantity = v.stock_quantity + i.units
      from (select variant_id, sum(quantity) as units from public.order_items where order_id = any (p_expired) group by 1) i
      where v.id = i.variant_id;`,
  },
  {
    name: "reports units that nobody has",
    lock:
      `return query select r.ref, r.state, case hashtext(r.ref) % 3 when 0 then -5::bigint when 1 then null else 9000000000 end,
      r.stripe_ids from ${REAL} r;`,
    wrongUnits: true,
  },
  { name: "calls every order open", lock: `return query select r.ref, 'open', r.units, r.stripe_ids from ${REAL} r;` },
  {
    name: "calls an order by a state that is none",
    lock: `return query select r.ref, 'OPEN', r.units, r.stripe_ids from ${REAL} r;`,
  },
  { name: "knows no order at all", lock: "return;", open: "select * from lapse_shop.real_open_orders() where false" },
  {
    name: "names payments of other orders",
    lock:
      `return query select r.ref, r.state, r.units, array(select stripe_payment_intent_id from public.orders where stripe_payment_intent_id is not null)
      from ${REAL} r;`,
  },
];

for (const lie of LIES) {
  Deno.test(`an adapter that ${lie.name} causes no wrong release, and the next runs finish once it is fixed`, async () => {
    await withLivingShop(async (shop) => {
      const orders = await placeOrders(shop);
      await lieWith(shop, lie);
      for (let n = 0; n < 3; n++) {
        await shop.run();
        await assertNothingWrong(shop, orders);
        await release(shop);
      }
      await mend(shop);
      for (let n = 0; n < 4; n++) {
        await shop.run();
        await release(shop);
      }
      await assertNothingWrong(shop, orders);
      for (const id of orders.unpaid) assert.equal(await shop.stateOf(id), "cancelled", id);
      assert.equal(await shop.stockOf(), UNITS - 2 * (orders.paid.length + orders.soldByShop.length));
    }, { unchecked: lie.wrongUnits ?? false });
  });
}

Deno.test("an adapter that takes two seconds for each call holds up its own run only, which ends", async () => {
  await withLivingShop(async (shop) => {
    const id = await shop.checkout();
    await shop.intent(id);
    await lieWith(shop, {
      name: "slow",
      lock: `perform pg_sleep(2); return query select r.* from ${REAL} r;`,
      finish: `perform pg_sleep(2); ${FINISH}`,
    });
    const running = shop.run();
    // A customer at the same time.
    const other = await shop.checkout({ minutesAgo: 0 });
    await shop.intent(other);
    await shop.webhook(other);
    const { status } = await running;
    assert.ok(["succeeded", "partial", "failed"].includes(status), status);
    await mend(shop);
    await release(shop);
    await shop.run();
    assert.deepEqual([await shop.stateOf(id), await shop.stateOf(other)], ["cancelled", "paid"]);
  });
});

type Orders = { unpaid: string[]; paid: string[]; soldByShop: string[] };

/** Due orders: unpaid with and without payments, paid at Stripe without the shop knowing, and sold by the shop itself. */
async function placeOrders(shop: LivingShop): Promise<Orders> {
  const many = (count: number) => Promise.all(Array.from({ length: count }, () => shop.checkout()));
  const unpaid = await many(6);
  const paid = await many(3);
  const soldByShop = await many(2);
  for (const id of unpaid.slice(0, 2)) await shop.intent(id);
  for (const id of unpaid.slice(2, 4)) await shop.session(id);
  for (const id of paid.slice(0, 2)) await shop.intent(id, { status: "succeeded" });
  await shop.session(paid[2]!, { status: "complete", paymentStatus: "paid" });
  await shop.webhook(soldByShop[0]!);
  await shop.intent(soldByShop[1]!, { status: "succeeded" });
  await shop.webhook(soldByShop[1]!);
  await shop.sql`create sequence test.calls`;
  await shop.sql`create sequence test.states`;
  return { unpaid, paid, soldByShop };
}

/** The stock of what was paid or can still be paid is where it was, nothing is released twice, and no run is left over. */
async function assertNothingWrong(
  { sql, stripe, stateOf }: LivingShop,
  { unpaid, paid, soldByShop }: Orders,
): Promise<void> {
  for (const id of [...paid, ...soldByShop]) assert.notEqual(await stateOf(id), "cancelled", `${id} is paid`);
  const charged = new Set(stripe.ordersMoney().filter((it) => it.charged).map(({ orderId }) => orderId));
  for (const id of unpaid) assert.ok(!charged.has(id), id);

  const payable = await sql<{ id: string }[]>`
    select o.id from public.orders o join lapse.payments p on p.ref = o.id
    where o.state = 'cancelled' and p.state <> 'dead'`;
  assert.deepEqual([...payable], [], "an order was closed while a payment of it may still be paid");
  const twice = await sql`
    select ref, count(*)::int as times from lapse.decisions where subject = 'order' and outcome = 'expired' group by 1 having count(*) > 1`;
  assert.deepEqual([...twice], []);
  const [shelf] = await sql<{ released: number; cancelled: number }[]>`
    select (select stock_quantity - ${UNITS} + 2 * (select count(*) from public.orders) from public.variants where id = 1)::int as released,
      (select 2 * count(*) from public.orders where state = 'cancelled')::int as cancelled`;
  assert.equal(shelf!.released, shelf!.cancelled, "stock went back that belongs to no cancelled order, or twice");
  const unended = await sql`select id, status from lapse.runs where finished_at is null and status <> 'queued'`;
  assert.deepEqual([...unended], []);
}

/** Leases run out, rechecks and backoffs have been waited for, an operator redrives what was quarantined. */
async function release({ sql, dueNow }: LivingShop): Promise<void> {
  await sql`update lapse.jobs set lease_until = now() where run_id is not null`;
  await sql`update lapse.orders set next_check_at = now() - interval '5 minutes' where run_id is not null`;
  await dueNow();
  await sql`
    select lapse.redrive_order(p_ref => ref, p_reason => 'the adapter is mended', p_requested_by => 'test')
    from lapse.orders where status = 'quarantined'`;
  await dueNow();
}

async function lieWith({ sql }: LivingShop, { lock, finish, open }: Lie): Promise<void> {
  const as = (body: string) => `$lie$ ${body.trimStart().startsWith("declare") ? body : `begin ${body} end;`} $lie$`;
  const statements = [
    ...(lock === undefined ? [] : [
      "alter function lapse_shop.lock_orders(text[], boolean) rename to real_lock_orders",
      `create function lapse_shop.lock_orders(p_refs text[], p_wait boolean)
       returns table (ref text, state text, units bigint, stripe_ids text[]) language plpgsql as ${as(lock)}`,
    ]),
    ...(finish === undefined ? [] : [
      "alter function lapse_shop.finish_orders(text[], text[]) rename to real_finish_orders",
      `create function lapse_shop.finish_orders(p_expired text[], p_paid text[]) returns void language plpgsql as ${
        as(finish)
      }`,
    ]),
    ...(open === undefined ? [] : [
      "alter function lapse_shop.open_orders(text[]) rename to real_open_orders",
      `create function lapse_shop.open_orders(p_refs text[] default null)
       returns table (ref text, placed_at timestamptz, deadline timestamptz, amount bigint, currency text, account text, stripe_ids text[])
       language sql stable as $lie$ ${open} $lie$`,
    ]),
  ];
  await sql.unsafe(statements.join(";\n")).simple();
}

async function mend({ sql }: LivingShop): Promise<void> {
  const kept = await sql<{ name: string; args: string }[]>`
    select proname as name, oidvectortypes(proargtypes) as args from pg_proc
    where pronamespace = 'lapse_shop'::regnamespace and proname like 'real\\_%'`;
  for (const { name, args } of kept) {
    const own = name.replace("real_", "");
    await sql.unsafe(
      `drop function lapse_shop.${own}(${args}); alter function lapse_shop.${name}(${args}) rename to ${own}`,
    ).simple();
  }
}
