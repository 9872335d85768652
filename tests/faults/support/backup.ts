import postgres from "postgres";
import type { Bench } from "./bench.ts";

/** The tables of shop and ledger, those that others refer to first. */
const TABLES = [
  "public.orders",
  "public.inventory",
  "public.stock_reservations",
  "lapse.orders",
  "lapse.payments",
  "lapse.inbox",
  "lapse.list_cursors",
  "lapse.runs",
  "lapse.decisions",
  "lapse.metrics",
  "lapse.metrics_daily",
  "lapse.alerts",
];

export type Backup = Record<string, unknown[]>;

/** What pg_dump would have of shop and ledger at this moment. */
export async function dump({ sql }: Bench): Promise<Backup> {
  const entries = await Promise.all(TABLES.map(async (table) => {
    const [row] = await sql.unsafe(`select coalesce(jsonb_agg(to_jsonb(t)), '[]') as rows from ${table} t`);
    return [table, row!.rows as unknown[]] as const;
  }));
  return Object.fromEntries(entries);
}

/** As pg_restore does it: without triggers, in one transaction. What was written since is gone. */
export async function restore({ adminUrl }: Bench, backup: Backup): Promise<void> {
  const admin = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    await admin.begin(async (sql) => {
      await sql`set local session_replication_role = 'replica'`;
      for (const table of TABLES.toReversed()) await sql.unsafe(`delete from ${table}`);
      for (const table of TABLES) {
        const columns = await sql<{ name: string }[]>`
          select attname as name from pg_catalog.pg_attribute
          where attrelid = ${table}::regclass and attnum > 0 and not attisdropped and attgenerated = ''`;
        const names = columns.map(({ name }) => `"${name}"`).join(", ");
        await sql.unsafe(
          `insert into ${table} (${names}) overriding system value
            select ${names} from jsonb_populate_recordset(null::${table}, $1)`,
          [sql.json(backup[table] as never)],
        );
      }
    });
  } finally {
    await admin.end();
  }
}
