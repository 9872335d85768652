import assert from "node:assert/strict";
import type postgres from "postgres";
import { readText } from "../rules/project-files.ts";

/** The files of docs/adopting.md, in the order in which a shop runs them. */
export const FILES = ["", "-watch", "-port", "-money", "-sync"].map((part) => `docs/adopting/second-shop${part}.sql`);

type Shelf = { sku: string; on_hand: number };

/** Puts the second shop in the first one's place, in a migrated database, and opens the window for the tests. Answers its shelves: the same. */
export async function becomeSecondShop(sql: postgres.Sql): Promise<Shelf[]> {
  const shelves = await sql<Shelf[]>`select sku, on_hand from public.inventory`;
  for (const path of [...FILES, "tests/adopting/window.sql"]) await sql.unsafe(await readText(path)).simple();
  for (const { sku, on_hand } of shelves) {
    await sql`insert into public.inventory (sku, on_hand) values (${sku}, ${on_hand})`;
  }
  return shelves;
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
