import postgres from "postgres";
import { UnreachableError } from "./errors.ts";

const PATIENCE = "10s";

/**
 * Reads the shop's database in one transaction that cannot write.
 *
 * @throws UnreachableError saying what to check.
 */
export async function readDatabase<T>(url: string, work: (sql: postgres.TransactionSql) => Promise<T>): Promise<T> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: 10,
    onnotice: () => {},
    connection: { application_name: "lapse" },
  });
  try {
    return await sql.begin("read only", async (sql) => {
      await sql`select set_config('statement_timeout', ${PATIENCE}, true)`;
      return await work(sql);
    }) as T;
  } catch (error) {
    const { message, code } = error as { message: string; code?: string };
    throw new UnreachableError(
      `Cannot read the shop's database: ${
        message || code
      }. Check --db-url or LAPSE_DB_URL, the role postgres and its password`,
    );
  } finally {
    await sql.end({ timeout: 1 });
  }
}
