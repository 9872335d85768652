import assert from "node:assert/strict";
import { withConnection } from "../../../local/postgres/databases.ts";
import type { Shop } from "../../integration/support.ts";

/**
 * Asserts that no transaction of this database was ever broken off to end a deadlock. No caller can tell: the functions repeat such a call
 * in silence (functions/_shared/database/rpc.ts). Ends all connections, as each tells only then, or a while later, what it has counted.
 */
export async function assertNoDeadlocks({ sql, stack }: Shop): Promise<void> {
  await withConnection(stack.database.adminUrl, async (admin) => {
    await admin`select pg_terminate_backend(pid, 5000) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`;
    const [row] = await admin`select deadlocks::int as n from pg_stat_database where datname = current_database()`;
    assert.equal(row!.n, 0, "deadlocks");
  });
  await Promise.all(Array.from({ length: sql.options.max }, () => sql`select`.catch(() => {})));
}
