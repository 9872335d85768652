import assert from "node:assert/strict";
import type postgres from "postgres";
import { readText } from "../rules/project-files.ts";

/** The files of docs/adopting.md: the shop as it was, and what it runs to take Lapse over, in this order. */
const SHOP = "docs/adopting/second-shop.sql";
const GUIDE = ["watch", "port", "money", "sync"].map((part) => `docs/adopting/second-shop-${part}.sql`);

type Shelf = { sku: string; on_hand: number };

/** Puts the second shop in the first one's place, in a migrated database, and opens the window for the tests. Answers its shelves: the same. */
export async function becomeSecondShop(sql: postgres.Sql): Promise<Shelf[]> {
  const shelves = await openSecondShop(sql);
  await adoptLapse(sql);
  return shelves;
}

/** The second shop as it was before Lapse, with the first one's goods on its shelves. Answers them. */
export async function openSecondShop(sql: postgres.Sql): Promise<Shelf[]> {
  await sql.unsafe(await readText(SHOP)).simple();
  await sql`insert into shop2.stock (article, available) select sku, on_hand from public.inventory`;
  return await sql<Shelf[]>`select article as sku, available as on_hand from shop2.stock`;
}

/** What docs/adopting.md tells the shop to do, each file in a transaction as a migration is, and then the window for the tests. */
export async function adoptLapse(sql: postgres.Sql): Promise<void> {
  for (const path of [...GUIDE, "tests/adopting/window.sql"]) await sql.unsafe(await readText(path)).simple();
}

/** Every piece is on the shelf, held by an open sale, or sold. The first shop's oracle counts `reserved`; this shop has no such thing. */
export async function assertNothingLost(sql: postgres.Sql, shelves: Shelf[]): Promise<void> {
  const now = await sql<Shelf[]>`
    select k.article as sku, (k.available + coalesce(sum(l.pieces) filter (where s.state <> 'void'), 0))::integer as on_hand
    from shop2.stock k
    left join shop2.sale_lines l using (article)
    left join shop2.sales s using (sale_no)
    group by k.article`;
  for (const { sku, on_hand } of now) {
    // A test may have put other articles on the shelves.
    const before = shelves.find((shelf) => shelf.sku === sku);
    if (before) assert.equal(on_hand, before.on_hand, `pieces of ${sku}`);
  }
}
