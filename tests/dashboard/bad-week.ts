import type postgres from "postgres";

/** Fills a shop's ledger with what is left of a bad week. */
export async function haveBadWeek(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(await Deno.readTextFile(new URL("bad-week.sql", import.meta.url))).simple();
}
