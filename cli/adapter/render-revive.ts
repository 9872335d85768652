import { identifier, literal, tableName } from "./names.ts";
import type { Counter, Reservations, Shop } from "./shop.ts";
import { fit, isAmong, SETTINGS } from "./text.ts";

/** Why no function can be generated that takes the stock of an expired order again; null if one can. */
export function reviveProblem({ stock }: Shop): string | null {
  if (stock.kind === "other") return "stock that --stock other leaves open";
  if (stock.kind !== "reservations") return null;
  const known = stock.articles?.reserved && stock.articles.onHand && stock.consumed && stock.tracked === null;
  return known ? null : "reservations without --reserved, --on-hand and --consumed, or with --tracked";
}

/**
 * Generates the function for late money: it takes the order's stock again, all lines or none, and marks the order paid.
 */
export function renderRevive(shop: Shop): string[] {
  const { orders, key, status, closed, paid, paidAt, closedAt, stock } = shop;
  const own = isAmong(identifier(key.column), "array[p_ref]", shop);
  const set = [
    `${identifier(status)} = ${literal(paid[0]!)}`,
    ...(paidAt ? [`${identifier(paidAt)} = now()`] : []),
    ...(closedAt ? [`${identifier(closedAt)} = null`] : []),
  ];
  const take = stock.kind === "counter"
    ? takeCounter(shop, stock)
    : stock.kind === "reservations"
    ? takeReservations(shop, stock)
    : [];
  return [
    "-- Money arrived for an order that Lapse expired: this reserves its stock again, all lines or none.",
    "create or replace function lapse_shop.revive_order(p_ref text) returns boolean",
    `language plpgsql ${SETTINGS} as $$`,
    ...(take.length > 0 ? ["declare", "  v_needed record;"] : []),
    "begin",
    ...fit(
      `  perform from ${tableName(orders)} where ${own}`,
      `and ${identifier(status)} = ${literal(closed[0]!)} for no key update;`,
    ),
    "  if not found then",
    "    return false;",
    "  end if;",
    ...take,
    ...fit(`  update ${tableName(orders)} set ${set.join(", ")}`, `where ${own};`),
    "  return true;",
    "end;",
    "$$;",
  ];
}

function takeCounter(shop: Shop, { items, articles, inStock, tracked, articleMayBeMissing }: Counter): string[] {
  const stock = identifier(inStock);
  const conditions = [
    ...(tracked?.of === "item" ? [`i.${identifier(tracked.column)}`] : []),
    ...(articleMayBeMissing ? [`i.${identifier(items.article)} is not null`] : []),
  ];
  return take(shop, {
    items,
    conditions,
    articles,
    counted: tracked?.of === "article" ? `a.${identifier(tracked.column)}` : null,
    free: `a.${stock}`,
    set: `${stock} = a.${stock} - n.units`,
  });
}

function takeReservations(shop: Shop, { items, articles, released, consumed }: Reservations): string[] {
  const [reserved, onHand, state] = [articles!.reserved!, articles!.onHand!, items.state].map(identifier);
  const conditions = [`i.${state} = ${literal(released)}`];
  const own = isAmong(`i.${identifier(items.order)}`, "array[p_ref]", shop);
  return [
    ...take(shop, {
      items,
      conditions,
      articles: articles!,
      counted: null,
      free: `a.${onHand} - a.${reserved}`,
      set: `${onHand} = a.${onHand} - n.units`,
    }),
    ...fit(
      `  update ${tableName(items.table)} i set ${state} = ${literal(consumed!)}`,
      `where ${own} and ${conditions[0]};`,
    ),
  ];
}

type Take = {
  items: Counter["items"];
  conditions: string[];
  articles: Counter["articles"];
  /** The article's column; null if all units are counted. */
  counted: string | null;
  free: string;
  set: string;
};

function take(shop: Shop, { items, conditions, articles, counted, free, set }: Take): string[] {
  const table = tableName(articles.table);
  const key = `a.${identifier(articles.key)}`;
  const own = [isAmong(`i.${identifier(items.order)}`, "array[p_ref]", shop), ...conditions].join(" and ");
  const needed = "unnest(v_needed.ids, v_needed.units) n (id, units)";
  return [
    "  select array_agg(n.id) as ids, array_agg(n.units) as units into v_needed from (",
    ...fit(
      `    select i.${identifier(items.article)} as id, sum(i.${identifier(items.units)}) as units`,
      `from ${tableName(items.table)} i`,
    ),
    `    where ${own}`,
    "    group by 1",
    "  ) n;",
    `  perform from ${table} a where ${key} = any (v_needed.ids) order by ${key} for no key update;`,
    "  if exists (",
    `    select from ${needed} left join ${table} a on ${key} = n.id`,
    `    where ${key} is null or ${counted === null ? "" : `${counted} and `}${free} < n.units`,
    "  ) then",
    "    return false;",
    "  end if;",
    ...fit(
      `  update ${table} a set ${set}`,
      `from ${needed} where ${key} = n.id${counted === null ? "" : ` and ${counted}`};`,
    ),
  ];
}
