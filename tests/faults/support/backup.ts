import postgres from "postgres";
import { isSecond } from "../../support/shop-under-test.ts";
import type { Bench } from "./bench.ts";

const SHOP = isSecond()
  ? ["public.orders", "public.variants", "public.order_items"]
  : ["public.orders", "public.inventory", "public.stock_reservations"];

/** The tables of shop and ledger, those that others refer to first. */
const TABLES = [
  ...SHOP,
  "lapse.jobs",
  "lapse.orders",
  "lapse.payments",
  "lapse.inbox",
  "lapse.list_cursors",
  "lapse.runs",
  "lapse.decisions",
  "lapse.metrics",
  "lapse.metrics_daily",
  "lapse.alerts",
  "lapse.refunds",
  "lapse.events",
];

export type Backup = Record<string, unknown[]>;

/** What pg_dump would have of shop and ledger at this moment. */
export async function dump({ adminUrl }: Bench): Promise<Backup> {
  const admin = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    const entries: [string, unknown[]][] = [];
    for (const table of TABLES) {
      const [row] = await admin.unsafe(`select coalesce(jsonb_agg(to_jsonb(t)), '[]') as rows from ${table} t`);
      entries.push([table, row!.rows]);
    }
    return Object.fromEntries(entries);
  } finally {
    await admin.end();
  }
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
