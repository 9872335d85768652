import assert from "node:assert/strict";
import { askRest, withUsual } from "../../cli/adapter/questions.ts";
import { UnreachableError, UsageError } from "../../cli/errors.ts";
import { cli } from "../cli/command-line.ts";
import { nextShop, shapes } from "./shapes.ts";
import { connectShop, withProject, writeAdapter } from "./support.ts";
import { NOBODY } from "../support/nobody.ts";

Deno.test("the adapter of examples/next-shop is the one that is generated, in at most 45 lines of code", async () => {
  await withProject(nextShop, async ({ stack }) => {
    const { sql, lines, notes } = await writeAdapter({ "db-url": stack.database.url, ...nextShop.flags });
    const path = new URL("../../examples/next-shop/3_adapter.sql", import.meta.url);
    assert.equal(sql, await Deno.readTextFile(path));
    assert.ok(lines <= 45, `${lines} lines`);
    assert.deepEqual(notes, []);
  });
});

Deno.test("an adapter can be applied again over itself", async () => {
  await withProject(nextShop, async (project) => {
    await connectShop(project, nextShop);
    await connectShop(project, nextShop);
  });
});

Deno.test("all names that the database lacks are reported at once, with the existing names", async () => {
  await withProject(nextShop, async ({ stack }) => {
    const flags = { "db-url": stack.database.url, ...nextShop.flags };
    await refused({ ...flags, amount: "price", items: "public.order_lines", "in-stock": "title", currency: "id2" }, [
      /--amount: public\.orders has no column price; it has id, state, total, currency, /,
      /--currency: public\.orders has no column id2/,
      /--items: there is no table public\.order_lines/,
      /--in-stock: public\.variants\.title is of type text, which cannot be used here/,
    ]);
    await refused({ ...flags, orders: "public.test_orders" }, [/public\.test_orders is a view or a foreign table/]);
    await refused({ ...flags, key: "total" }, [/public\.orders\.total has no unique index of its own/]);
    await refused({ ...flags, paid: "paid" }, [
      /--status: shipped must be named too: among --open, --paid or --closed/,
    ]);
    await refused({ ...flags, closed: "canceled,cancelled", draft: "paid" }, [
      /The state paid is named twice/,
      /--status: canceled are not states; the states are awaiting_payment, paid, shipped, cancelled/,
    ]);
    await refused({ ...flags, "items-order": "variant_id", "items-article": "order_id" }, [
      /--items-order: public\.order_items\.variant_id refers to public\.variants\.id, and not to public\.orders\.id, which is the key/,
      /--items-article: public\.order_items\.order_id refers to public\.orders\.id/,
    ]);
    await refused({ ...flags, "items-order": "quantity" }, [
      /--items-order: public\.order_items\.quantity is of type integer, and public\.orders\.id of type text/,
    ]);
    await refused({ ...flags, "amount-unit": "cents" }, [/--amount-unit: it is neither minor nor major/]);
    await refused({ ...flags, stock: "shelf" }, [/--stock: shelf is neither counter, reservations, none nor other/]);
  });
});

Deno.test("a text state must be named as soon as an order has it", async () => {
  const shape = shapes.find(({ file }) => file === "no_stock.sql")!;
  await withProject(shape, async ({ sql, stack, place }) => {
    await place("a");
    await sql`update public.bookings set status = 'moved' where true`;
    await refused({ "db-url": stack.database.url, ...shape.flags }, [/--status: moved must be named too/]);
  });
});

Deno.test("notes mention missing indexes, triggers, and amounts that may not be whole", async () => {
  await withProject(nextShop, async ({ sql, stack }) => {
    await sql.unsafe(`
      drop index public.order_items_order_idx;
      alter table public.orders alter total type numeric;
      create function public.restock() returns trigger language plpgsql as $$ begin return null; end $$;
      create trigger restock after update on public.orders for each row execute function public.restock();
      create trigger recount before update on public.orders for each row execute function public.restock();
      insert into public.orders (id, total) select 'o' || n, 1 from generate_series(1, 60000) n;
      analyze public.orders;
    `).simple();
    const { "payment-ids": _, ...flags } = nextShop.flags;
    const { sql: written, notes } = await writeAdapter({ "db-url": stack.database.url, ...flags });
    for (
      const says of [
        /public\.order_items has no index that begins with order_id.* create index concurrently on public\.order_items \(order_id\);/,
        /public\.orders has triggers of its own \(recount, restock\)\. .* use --stock none/,
        /^If recount of public\.orders changes the amount, currency or deadline by itself/,
        /--amount: total can have more digits than its currency/,
        /No column names the payments of an order/,
      ]
    ) assert.ok(notes.some((note) => says.test(note)), `${says} is not among ${notes.join("\n")}`);
    assert.match(
      written,
      /^-- create index concurrently if not exists orders_lapse_open_idx on public\.orders \(id\) where state = 'awaiting_payment';$/m,
    );
    assert.doesNotMatch(written, /^create index/m);
    await sql`create index concurrently on public.orders (created_at) where state = 'awaiting_payment'`;
    const again = await writeAdapter({ "db-url": stack.database.url, ...nextShop.flags });
    assert.doesNotMatch(again.sql, /create index/);
  });
});

Deno.test("uncovered stock leaves a gap that raises an error, and nothing else is missing", async () => {
  await withProject(nextShop, async (project) => {
    const { sql, place, states, stack } = project;
    const flags = { "db-url": stack.database.url, ...nextShop.flags, stock: "other" };
    const written = await writeAdapter(flags);
    assert.match(written.sql, /-- GAP: release the stock of the orders in p_expired/);
    assert.ok(written.notes.some((note) => /finish_orders has a GAP that raises/.test(note)));
    await assert.rejects(writeAdapter(flags, { revive: true }), /^UsageError: Cannot write revive_order/);
    await sql.begin((transaction) => transaction.unsafe(written.sql).simple());
    await place("a");
    await place("b");
    await assert.rejects(sql`select lapse_shop.finish_orders(array['a'], '{}')`, /Cannot release stock/);
    await sql`select lapse_shop.finish_orders('{}', array['b'])`;
    assert.deepEqual(await states(), { a: "open", b: "paid" });
  });
});

Deno.test("without a database it needs the key's type and quotes every name", async () => {
  const { "in-stock": _, ...flags } = nextShop.flags;
  await assert.rejects(
    writeAdapter(flags),
    /^UsageError: Cannot write the adapter: --key-type TYPE, --amount-unit minor\|major, --in-stock COLUMN are missing/,
  );
  const { sql, notes } = await writeAdapter({
    ...nextShop.flags,
    "key-type": "int8",
    "amount-unit": "minor",
    orders: 'Sales."Order"',
    open: "it's open",
    account: "stripe_account",
    method: "how",
    draft: "cart",
    currency: "EUR",
    deadline: "pay_by",
  });
  assert.match(
    sql,
    /from "Sales"\."Order" o where p_wait and o\.id = any \(\(select lapse_shop\.keys\(p_refs\)\)::bigint\[\]\)/,
  );
  assert.match(sql, /state = 'it''s open'/);
  assert.match(
    sql,
    /'id', 'total', 'eur', 'pay_by', 'method=how',\s+'placed_at=created_at',\s+'account=stripe_account'\);/,
  );
  assert.match(sql, /'stripe_payment_intent_id',\s+'account=stripe_account'\)/);
  assert.match(sql, /when 'cart' then 'gone' end/);
  assert.ok(notes.some((note) => /No name was checked/.test(note)));
});

Deno.test("an unreachable database is reported as unreachable", async () => {
  const url = `postgres://postgres:secret@${NOBODY}/postgres`;
  await assert.rejects(writeAdapter({ ...nextShop.flags, "db-url": url }), (error: Error) => {
    assert.ok(error instanceof UnreachableError);
    assert.match(error.message, /^Cannot read the shop's database: .*Check --db-url or LAPSE_DB_URL/);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
});

Deno.test("standard output is the adapter alone, so that it can become a migration", async () => {
  const args = Object.entries({ ...nextShop.flags, "key-type": "text", "amount-unit": "major" });
  const { code, stdout, stderr } = await cli(["adapter", ...args.flatMap(([name, value]) => [`--${name}`, value])]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^-- The adapter between this shop and Lapse/);
  assert.match(stdout, /tg_follow\('id', 'state'\);\n$/);
  assert.match(stderr, /^Note: No name was checked/);
  const missing = await cli(["adapter", "--orders", "public.orders"]);
  assert.deepEqual([missing.code, missing.stdout], [2, ""]);
  assert.match(
    missing.stderr,
    /^Cannot write the adapter: --key-type TYPE, --open STATES, --paid STATES, --closed STATES, --stock .* are missing/,
  );
});

Deno.test("on a terminal it asks for missing answers, repeats required questions, and skips irrelevant ones", async () => {
  const typed: Record<string, string[]> = {
    orders: ["public.nothing", "public.orders"],
    open: ["", "awaiting_payment"],
    stock: ["none"],
  };
  const asked: string[] = [];
  const answers = await askRest({ status: "state", paid: "paid", closed: "cancelled" }, {
    hasDatabase: true,
    ask: (text) => {
      const name = text.split(" ")[0]!;
      asked.push(name);
      return Promise.resolve(typed[name]?.shift() ?? "");
    },
    show: (table) => Promise.resolve(table === "public.orders"),
  });
  assert.deepEqual(asked.slice(0, 6), ["orders", "orders", "key", "open", "open", "draft"]);
  for (const name of ["status", "paid", "currency", "key-type", "items", "articles", "payments-order"]) {
    assert.ok(!asked.includes(name), `it asked for ${name}`);
  }
  assert.deepEqual(
    Object.entries(withUsual(answers)).filter(([, value]) => value !== undefined).sort(),
    Object.entries({
      orders: "public.orders",
      key: "id",
      status: "state",
      open: "awaiting_payment",
      paid: "paid",
      closed: "cancelled",
      "placed-at": "created_at",
      stock: "none",
    }).sort(),
  );
});

async function refused(flags: Record<string, string>, says: RegExp[]): Promise<void> {
  await assert.rejects(writeAdapter(flags), (error: Error) => {
    assert.ok(error instanceof UsageError, `${error}`);
    for (const it of says) assert.match(error.message, it);
    return true;
  });
}
