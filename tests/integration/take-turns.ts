import postgres from "postgres";
import { eventually, type Shop } from "./support.ts";

type Turns = {
  first: (sql: postgres.Sql) => Promise<void>;
  second: (sql: postgres.Sql) => Promise<unknown>;
  then?: (sql: postgres.Sql) => Promise<void>;
};

/**
 * Begins `second` in another session while the transaction of `first` is still open. Once `second` waits for it, the transaction goes on
 * with `then` and commits.
 */
export async function takeTurns({ sql, stack }: Shop, { first, second, then }: Turns): Promise<void> {
  const other = postgres(stack.database.url, {
    max: 1,
    onnotice: () => {},
    connection: { application_name: "second" },
  });
  try {
    let answer: Promise<unknown> | undefined;
    await sql.begin(async (transaction) => {
      await first(transaction as unknown as postgres.Sql);
      answer = second(other);
      answer.catch(() => {});
      await eventually(async () => {
        const waiting = await sql`
          select from pg_stat_activity where application_name = 'second' and wait_event_type = 'Lock'`;
        return waiting.length > 0;
      }, "the second waits for the first");
      await then?.(transaction as unknown as postgres.Sql);
    });
    await answer;
  } finally {
    await other.end({ timeout: 1 });
  }
}
