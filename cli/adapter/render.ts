import { identifier, isOneOf, literal, tableName } from "./names.ts";
import { renderRevive } from "./render-revive.ts";
import { renderFinish, unitsOf } from "./render-stock.ts";
import { renderTriggers } from "./render-triggers.ts";
import type { Shop } from "./shop.ts";
import { fit, isAmong, listed, SETTINGS, wrap } from "./text.ts";

/** Generates the adapter as a migration for the shop. `asked`: the options that would generate it again. */
export function renderAdapter(shop: Shop, { asked, revive }: { asked: string[]; revive: boolean }): string {
  return [
    "-- The adapter between this shop and Lapse. Review it, commit it as a migration, change it like any code of the shop:",
    "-- updates of Lapse never touch it. Written by:",
    ...wrap(["lapse adapter", ...asked].map((it) => `${it} `), { first: "--   ", then: "--     " }),
    "",
    ...renderIndex(shop),
    `create or replace function lapse_shop.contract_version() returns integer ${SETTINGS} return 1;`,
    "",
    ...renderKeys(shop),
    ...renderLock(shop),
    "",
    ...renderFinish(shop),
    "",
    ...renderOpen(shop),
    "",
    ...(revive ? [...renderRevive(shop), ""] : []),
    ...renderTriggers(shop),
    "",
  ].join("\n");
}

function renderIndex({ orders, key, status, open, openIndex }: Shop): string[] {
  if (openIndex === "there") return [];
  const name = identifier(`${orders.name}_lapse_open_idx`);
  const index = `if not exists ${name} on ${tableName(orders)} (${identifier(key.column)})`;
  const command = `${index} where ${isOneOf(identifier(status), open)};`;
  if (openIndex === "small") return [`create index ${command}`, ""];
  return [
    "-- The table is large. Run this first, outside a transaction, so that it blocks no order:",
    `-- create index concurrently ${command}`,
    "",
  ];
}

/** Casts refs to keys. A ref that cannot be a key belongs to no order, so it is skipped and causes no error. */
function renderKeys({ key: { type } }: Shop): string[] {
  if (type === "text") return [];
  const head = [
    "-- Converts each ref to a key, or to null if it cannot be one.",
    `create or replace function lapse_shop.keys(p_refs text[]) returns ${type}[]`,
  ];
  const digits = { smallint: 5, integer: 10, bigint: 19 }[type];
  const bits = { smallint: 15n, integer: 31n, bigint: 63n }[type];
  if (digits !== undefined) {
    return [
      ...head,
      `language sql immutable ${SETTINGS} as $$`,
      `  select array(select case when case when r ~ '^(0|-?[1-9][0-9]{0,${digits - 1}})$' then`,
      `    r::numeric between ${-(2n ** bits!)} and ${2n ** bits! - 1n} end then r::${type} end from unnest(p_refs) r)`,
      "$$;",
      "",
    ];
  }
  if (type === "uuid") {
    // Explicit character classes take a third of the time of a case-insensitive match.
    const hex = (length: number) => `[0-9A-Fa-f]{${length}}`;
    return [
      ...head,
      `language sql immutable ${SETTINGS} as $$`,
      `  select array(select case when r ~ '^${[8, 4, 4, 4, 12].map(hex).join("-")}$'`,
      "    then r::uuid end from unnest(p_refs) r)",
      "$$;",
      "",
    ];
  }
  return [
    ...head,
    `language plpgsql stable ${SETTINGS} as $$`,
    "declare",
    "  v_ref text;",
    `  v_key ${type};`,
    `  v_keys ${type}[] := '{}';`,
    "begin",
    "  foreach v_ref in array coalesce(p_refs, '{}') loop",
    "    begin",
    `      v_key := v_ref::${type};`,
    "    exception when data_exception then v_key := null;",
    "    end;",
    "    v_keys := v_keys || case when v_key::text = v_ref then v_key end;",
    "  end loop;",
    "  return v_keys;",
    "end;",
    "$$;",
    "",
  ];
}

function renderLock(shop: Shop): string[] {
  const { orders, key: { column, type } } = shop;
  const table = tableName(orders);
  const key = `o.${identifier(column)}`;
  const among = isAmong(key, "p_refs", shop);
  const head = [
    "-- An order in any other state counts as locked, and Lapse leaves it alone.",
    "create or replace function lapse_shop.lock_orders(p_refs text[], p_wait boolean)",
    "returns table (ref text, state text, units bigint, stripe_ids text[])",
    `language sql ${SETTINGS} as $$`,
    ...fit(`  select from ${table} o where p_wait and ${among}`, `order by ${key} for no key update;`),
  ];
  const answer = (from: string) =>
    wrap([...unitsOf(shop), `${stripeIdsOf(shop)} `, from, "union all"], { first: "    ", then: "    " });
  const [locked, locking] = [
    `select * from ${table} o where ${among}`,
    `order by ${key} for no key update skip locked`,
  ];
  const exists = (same: string) => `where not exists (select from ${table} o where ${key} = ${same});`;
  if (type === "text") {
    return [
      ...head,
      ...fit(`  with locked as (${locked}`, `${locking})`),
      ...wrap([`${key}, `, ...stateOf(shop)], { first: "  select ", then: "    " }),
      ...answer("from locked o "),
      ...fit("  select r, 'gone', 0, '{}' from unnest(p_refs) r", exists("r")),
      "$$;",
    ];
  }
  // A UUID in capitals is the same UUID. It is returned as the caller wrote it.
  return [
    ...head,
    "  with asked as (select * from unnest(p_refs, lapse_shop.keys(p_refs)) a (ref, key)),",
    ...fit(`  locked as (${locked}`, `${locking})`),
    ...wrap(["asked.ref, ", ...stateOf(shop)], { first: "  select ", then: "    " }),
    ...answer(`from locked o join asked on asked.key = ${key} `),
    ...fit("  select asked.ref, 'gone', 0, '{}' from asked", exists("asked.key")),
    "$$;",
  ];
}

/**
 * Maps the states, in several expressions if there are many. A state that was not named becomes null: Lapse then treats
 * the order as locked.
 */
function stateOf({ status, open, paid, closed, draft }: Shop): string[] {
  const words = ([["open", open], ["paid", paid], ["closed", closed], ["gone", draft]] as const).flatMap((
    [word, states],
  ) => states.map((state) => `when ${literal(state)} then '${word}' `));
  return [`case o.${identifier(status)} `, ...words.slice(0, -1), `${words.at(-1)}end, `];
}

/** Every payment that the shop has stored for an order. */
function stripeIdsOf({ payments, key }: Shop): string {
  if (payments === null) return "'{}'::text[]";
  const { table, order, ids } = payments;
  if (table === null) return `array[${ids.map((id) => `o.${identifier(id)}`).join(", ")}]`;
  const own = `p.${identifier(order)} = o.${identifier(key.column)}`;
  const columns = ids.map((id) => `p.${identifier(id)}`);
  return columns.length === 1
    ? `array(select ${columns[0]} from ${tableName(table)} p where ${own})`
    : `array(select unnest(array[${columns.join(", ")}]) from ${tableName(table)} p where ${own})`;
}

function renderOpen(shop: Shop): string[] {
  const { orders, key, status, open, placedAt, deadline, amount, currency, account } = shop;
  const isOpen = isOneOf(identifier(status), open);
  const answer = [
    `o.${identifier(key.column)}${key.type === "text" ? "" : "::text"}`,
    placedAt.expression,
    deadline.expression,
    amount?.expression ?? "null::bigint",
    currency?.expression ?? "null",
    account === null ? "null" : `o.${identifier(account)}`,
    stripeIdsOf(shop),
  ];
  return [
    "create or replace function lapse_shop.open_orders(p_refs text[] default null) returns table (",
    "  ref text, placed_at timestamptz, deadline timestamptz, amount bigint, currency text, account text, stripe_ids text[]",
    `) language sql stable ${SETTINGS} as $$`,
    ...wrap(listed(answer), { first: "  select ", then: "    " }),
    `  from (select * from ${tableName(orders)} where ${isOpen} and p_refs is null`,
    ...fit(
      `    union all select * from ${tableName(orders)} where ${isOpen}`,
      `and ${isAmong(identifier(key.column), "p_refs", shop)}) o;`,
    ),
    "$$;",
  ];
}
