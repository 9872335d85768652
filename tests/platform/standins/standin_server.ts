import postgres from "postgres";
import { startPostgres } from "../../../local/postgres/start.ts";

export type StandInServer = {
  url: string;
  sql: postgres.Sql;
  /** The server dies and comes back with its data. */
  crash(): Promise<void>;
} & AsyncDisposable;

/** A throw-away server whose database `postgres` has the three stand-ins. */
export async function startStandInServer(): Promise<StandInServer> {
  const server = await startPostgres();
  const sql = postgres(server.url, { max: 4, onnotice: () => {} });
  try {
    await sql`create extension pg_cron`;
    await sql`create extension pg_net`;
    await sql`create extension supabase_vault`;
  } catch (error) {
    await sql.end({ timeout: 0 });
    await server.stop("immediate");
    throw error;
  }
  async function dispose() {
    await sql.end({ timeout: 1 });
    await server.stop("immediate");
  }
  return { url: server.url, sql, crash: () => server.restart("immediate"), [Symbol.asyncDispose]: dispose };
}

/** One transaction as another role, whose password a test need not know. */
export async function asRole<T>(sql: postgres.Sql, role: string, work: (sql: postgres.TransactionSql) => Promise<T>) {
  return await sql.begin(async (transaction) => {
    await transaction`set local role ${transaction(role)}`;
    return await work(transaction);
  });
}

/** Waits until `holds` is true. The limit is there for what would hang, and far longer than a busy machine takes. */
export async function until(holds: () => Promise<boolean> | boolean, ms = 30_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!await holds()) {
    if (Date.now() > deadline) throw new Error(`Cannot wait longer than ${ms} ms for ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
