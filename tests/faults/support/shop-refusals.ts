import type { Bench } from "./bench.ts";

/** While it runs, a trigger of the shop refuses to close this order, with an error or by silently dropping the update. */
export async function withRefusedOrder(
  { sql }: Bench,
  { id, how }: { id: string; how: "raises" | "returns null" },
  use: () => Promise<void>,
): Promise<void> {
  await sql.unsafe(`
    create function public.keep_loyalty_points() returns trigger language plpgsql as $$
    begin
      ${
    how === "raises"
      ? "raise exception 'Cannot take the points of order % back: they are spent', new.id;"
      : "return null;"
  }
    end $$;
    create trigger keep_loyalty_points before update of status on public.orders
      for each row when (new.status = 'expired' and new.id = '${id}') execute function public.keep_loyalty_points();
  `).simple();
  try {
    await use();
  } finally {
    await sql.unsafe("drop function public.keep_loyalty_points() cascade");
  }
}

/** Meanwhile a trigger of the shop takes its time over each order that is closed. */
export async function withSlowTrigger({ sql }: Bench, ms: number, use: () => Promise<void>): Promise<void> {
  await sql.unsafe(`
    create function public.tell_the_warehouse() returns trigger language plpgsql as $$
    begin
      perform pg_sleep(${ms / 1_000});
      return new;
    end $$;
    create trigger tell_the_warehouse before update of status on public.orders
      for each row when (new.status = 'expired') execute function public.tell_the_warehouse();
  `).simple();
  try {
    await use();
  } finally {
    await sql.unsafe("drop function public.tell_the_warehouse() cascade");
  }
}

/** Meanwhile a transaction of the shop holds the article. */
export async function withLockedShelf({ sql }: Bench, sku: string, use: () => Promise<void>): Promise<void> {
  await sql.begin(async (stocktaking) => {
    await stocktaking`select from public.inventory where sku = ${sku} for update`;
    await use();
  });
}
