/** Reserved words of PostgreSQL. Shops use some of them as names, which must then be quoted. */
const RESERVED = new Set(
  ("all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column " +
    "concurrently constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp " +
    "current_user default deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having " +
    "ilike in initially inner intersect into is isnull join lateral leading left like limit localtime localtimestamp natural not " +
    "notnull null offset on only or order outer overlaps placing primary references returning right select session_user similar " +
    "some symmetric table tablesample then to trailing true union unique user using variadic verbose when where window with")
    .split(" "),
);

export type Table = { schema: string; name: string };

/** Parses `public.orders`, or `orders` for the same table. Names are case-sensitive, with or without quotes. */
export function parseTable(text: string): Table {
  const [schema, ...rest] = text.replaceAll('"', "").split(".");
  return rest.length === 0 ? { schema: "public", name: schema! } : { schema: schema!, name: rest.join(".") };
}

export function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

export function tableName({ schema, name }: Table): string {
  return `${identifier(schema)}.${identifier(name)}`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A condition: the column equals one of the values. */
export function isOneOf(column: string, values: string[]): string {
  return values.length === 1
    ? `${column} = ${literal(values[0]!)}`
    : `${column} in (${values.map(literal).join(", ")})`;
}
