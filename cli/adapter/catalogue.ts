import type postgres from "postgres";
import { z } from "zod";
import { readDatabase } from "../read-database.ts";
import type { Table } from "./names.ts";

const tableRow = z.object({
  kind: z.string(),
  /** An estimate. For a table that was never analyzed it is derived from the table's size. */
  rows: z.number(),
  columns: z.array(z.object({
    name: z.string(),
    /** The base type without its length: `character varying`, `uuid`, `public.order_state`. */
    type: z.string(),
    builtIn: z.boolean(),
    nullable: z.boolean(),
    /** Digits after the point of a numeric; null: any. */
    scale: z.number().nullable(),
    labels: z.array(z.string()).nullable(),
  })),
  indexes: z.array(
    z.object({ columns: z.array(z.string().nullable()), unique: z.boolean(), condition: z.string().nullable() }),
  ),
  /** Foreign keys of a single column. */
  references: z.array(z.object({ column: z.string(), table: z.string(), to: z.string() })),
  /** The shop's own update triggers. */
  triggers: z.array(z.object({ name: z.string(), before: z.boolean() })),
});

export type TableFacts = z.infer<typeof tableRow>;
export type ColumnFacts = TableFacts["columns"][number];

/** What the database knows about the tables named in the answers. */
export type Catalogue = {
  table(table: Table): TableFacts | undefined;
  /** The states that orders have, including all labels of an enum; null if reading them took too long. */
  states: string[] | null;
};

const MOST_STATES = 100;

/** Reads the catalogue in a transaction that cannot write. */
export async function readCatalogue(
  url: string,
  { tables, orders, status }: { tables: Table[]; orders: Table; status: string },
): Promise<Catalogue> {
  return await readDatabase(url, async (sql) => {
    const facts = new Map<string, TableFacts>();
    for (const table of tables) {
      const found = await readTable(sql, table);
      if (found) facts.set(`${table.schema}.${table.name}`, found);
    }
    const table = ({ schema, name }: Table) => facts.get(`${schema}.${name}`);
    const column = table(orders)?.columns.find(({ name }) => name === status);
    const states = column === undefined ? [] : column.labels ?? await readStates(sql, orders, status);
    return { table, states };
  });
}

async function readTable(sql: postgres.TransactionSql, { schema, name }: Table): Promise<TableFacts | undefined> {
  const [row] = await sql`
    select c.relkind as kind, greatest(c.reltuples, pg_relation_size(c.oid) / 200)::float8 as rows,
      (
        select coalesce(json_agg(json_build_object(
          'name', a.attname, 'type', format_type(b.oid, null), 'builtIn', b.typnamespace = 'pg_catalog'::regnamespace,
          'nullable', not a.attnotnull,
          'scale', case when b.oid = 'numeric'::regtype and a.atttypmod >= 0 then (a.atttypmod - 4) & 2047 end,
          'labels', (select json_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = b.oid)
        ) order by a.attnum), '[]')
        from pg_attribute a
        join pg_type t on t.oid = a.atttypid
        join pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      ) as columns,
      (
        select coalesce(json_agg(json_build_object(
          'columns', (
            select json_agg(a.attname order by k.n)
            from unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality as k (attnum, n)
            left join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum and k.attnum > 0
          ),
          'unique', i.indisunique and i.indpred is null, 'condition', pg_get_expr(i.indpred, i.indrelid)
        )), '[]')
        from pg_index i where i.indrelid = c.oid and i.indisvalid
      ) as indexes,
      (
        select coalesce(json_agg(json_build_object(
          'column', a.attname, 'table', n.nspname || '.' || f.relname, 'to', b.attname
        )), '[]')
        from pg_constraint k
        join pg_class f on f.oid = k.confrelid
        join pg_namespace n on n.oid = f.relnamespace
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
        join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
        where k.conrelid = c.oid and k.contype = 'f' and cardinality(k.conkey) = 1
      ) as references,
      (
        select coalesce(json_agg(json_build_object('name', t.tgname, 'before', t.tgtype & 2 <> 0) order by t.tgname), '[]')
        from pg_trigger t
        join pg_proc p on p.oid = t.tgfoid
        where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & 16 <> 0
          and p.pronamespace not in (select n.oid from pg_namespace n where n.nspname = 'lapse')
      ) as triggers
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relname = ${name} and c.relkind in ('r', 'p', 'v', 'm', 'f')`;
  return row === undefined ? undefined : tableRow.parse(row);
}

/** The states that occur; null if the table is too large to read in time. */
async function readStates(
  sql: postgres.TransactionSql,
  { schema, name }: Table,
  status: string,
): Promise<string[] | null> {
  try {
    const rows = await sql.savepoint((sql) =>
      sql<{ state: string }[]>`
        select distinct ${sql(status)}::text as state from ${sql(schema)}.${sql(name)} where ${
        sql(status)
      } is not null limit ${MOST_STATES}`
    );
    return rows.map(({ state }) => state).sort();
  } catch (error) {
    if ((error as { code?: string }).code === "57014") return null;
    throw error;
  }
}
