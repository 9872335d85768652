import { identifier, isOneOf, literal, tableName } from "./names.ts";
import type { Counter, Reservations, Shop } from "./shop.ts";
import { fit, isAmong, SETTINGS } from "./text.ts";

/** An expression for the units that closing the order `o` would release. */
export function unitsOf({ stock, key }: Shop): string[] {
  if (stock.kind === "none" || stock.kind === "other") return ["0, "];
  const { table, order, article, units, ...more } = stock.items;
  const own = `where i.${identifier(order)} = o.${identifier(key.column)}`;
  const sum = `coalesce((select sum(i.${identifier(units)}) from ${tableName(table)} i `;
  if (stock.kind === "reservations") {
    const { state } = more as Reservations["items"];
    return [sum, `${own} and i.${identifier(state)} = ${literal(stock.held)}), 0), `];
  }
  const { tracked, articles } = stock;
  if (tracked?.of === "article") {
    const join = `join ${tableName(articles.table)} a on a.${identifier(articles.key)} = i.${identifier(article)} `;
    return [sum, join, `${own} and a.${identifier(tracked.column)}), 0), `];
  }
  const counted = tracked ? ` and i.${identifier(tracked.column)}` : "";
  const known = stock.articleMayBeMissing ? ` and i.${identifier(article)} is not null` : "";
  return [sum, `${own}${counted}${known}), 0), `];
}

/**
 * Closes orders by compare-and-set. Stock is updated last, with the articles in key order, so that concurrent calls
 * cannot deadlock.
 */
export function renderFinish(shop: Shop): string[] {
  const head = "create or replace function lapse_shop.finish_orders(p_expired text[], p_paid text[]) returns void";
  const sql = (lines: string[]) => [head, `language sql ${SETTINGS} as $$`, ...lines, "$$;"];
  const { stock } = shop;
  if (stock.kind === "none") return sql([...closing(shop, "paid", "  ", ";"), ...closing(shop, "closed", "  ", ";")]);
  if (stock.kind === "counter") return sql(finishCounter(shop, stock));
  if (stock.kind === "reservations") return sql(finishReservations(shop, stock));
  return [
    head,
    `language plpgsql ${SETTINGS} as $$`,
    "begin",
    ...closing(shop, "paid", "  ", ";"),
    ...closing(shop, "closed", "  ", ";"),
    "  -- GAP: release the stock of the orders in p_expired, locking articles by ascending key, and make lock_orders return the number of",
    "  -- units. Release it only for orders that the update above closed: a second call must change nothing.",
    "  if cardinality(p_expired) > 0 then",
    "    raise exception 'Cannot release stock: lapse_shop.finish_orders has a gap here' using errcode = '0A000';",
    "  end if;",
    "end;",
    "$$;",
  ];
}

/** The update that closes the orders that are still open. */
function closing(shop: Shop, as: "paid" | "closed", indent: string, end: string): string[] {
  const { orders, key, status, open } = shop;
  const [states, at, parameter] = as === "paid"
    ? [shop.paid, shop.paidAt, "p_paid"] as const
    : [shop.closed, shop.closedAt, "p_expired"] as const;
  const time = at === null ? "" : `, ${identifier(at)} = now()`;
  const among = isAmong(identifier(key.column), parameter, shop);
  return fit(
    `${indent}update ${tableName(orders)} set ${identifier(status)} = ${literal(states[0]!)}${time}`,
    `where ${among} and ${isOneOf(identifier(status), open)}${end}`,
  );
}

/** Selects the column as `id`. */
function named(column: string): string {
  return column === "id" || column.endsWith(".id") ? column : `${column} as id`;
}

function returningKey({ key }: Shop): string {
  return ` returning ${named(identifier(key.column))}`;
}

function finishCounter(shop: Shop, { items, articles, inStock, tracked }: Counter): string[] {
  const [article, key, stock] = [items.article, articles.key, inStock].map(identifier);
  const counted = tracked === null ? "" : `where ${tracked.of === "item" ? "i" : "a"}.${identifier(tracked.column)} `;
  const ofItem = tracked?.of === "item" ? counted : "";
  const ofArticle = tracked?.of === "article" ? counted : "";
  return [
    ...closing(shop, "paid", "  ", ";"),
    "  with closed as (",
    ...closing(shop, "closed", "    ", returningKey(shop)),
    "  ), freed as (",
    ...fit(
      `    select i.${article} as id, sum(i.${identifier(items.units)}) as units`,
      `from ${tableName(items.table)} i join closed c on c.id = i.${identifier(items.order)} ${ofItem}group by 1`,
    ),
    "  ), locked as (",
    ...fit(
      `    select ${named(`a.${key}`)}, f.units from ${tableName(articles.table)} a`,
      `join freed f on f.id = a.${key} ${ofArticle}order by a.${key} for no key update of a`,
    ),
    "  )",
    `  update ${tableName(articles.table)} a set ${stock} = a.${stock} + l.units from locked l where a.${key} = l.id;`,
  ];
}

function finishReservations(shop: Shop, stock: Reservations): string[] {
  const { items, released, consumed, articles } = stock;
  const move = (to: string, from: string, indent: string) =>
    fit(
      `${indent}update ${tableName(items.table)} i set ${identifier(items.state)} = ${literal(to)}`,
      `from ${from} c where c.id = i.${identifier(items.order)} and i.${identifier(items.state)} = ${
        literal(stock.held)
      }`,
    );
  if (articles === null) {
    const end = (lines: string[]) => [...lines.slice(0, -1), `${lines.at(-1)};`];
    const both = (as: "paid" | "closed", to: string) => [
      `  with ${as} as (`,
      ...closing(shop, as, "    ", returningKey(shop)),
      "  )",
      ...end(move(to, as, "  ")),
    ];
    return [
      ...(consumed === null ? closing(shop, "paid", "  ", ";") : both("paid", consumed)),
      ...both("closed", released),
    ];
  }

  const [article, units, key] = [items.article, items.units, articles.key].map(identifier);
  const freed = (sold: string) => `    returning i.${article} as id, i.${units} as units, ${sold} as sold`;
  const [reserved, onHand] = [articles.reserved, articles.onHand].map((name) =>
    name === null ? null : identifier(name)
  );
  const changes = [
    ...(reserved ? [`${reserved} = a.${reserved} - l.units`] : []),
    ...(onHand ? [`${onHand} = a.${onHand} - l.sold`] : []),
  ];
  const counted = stock.tracked?.of === "article" ? `where a.${identifier(stock.tracked.column)} ` : "";
  const sold = consumed === null ? [] : [
    "  with paid as (",
    ...closing(shop, "paid", "    ", returningKey(shop)),
    "  ), sold as (",
    ...move(consumed, "paid", "    "),
    freed(`i.${units}`),
    "  ), ",
  ];
  return [
    ...(consumed === null ? closing(shop, "paid", "  ", ";") : []),
    ...sold.slice(0, -1),
    `${consumed === null ? "  with" : "  ),"} closed as (`,
    ...closing(shop, "closed", "    ", returningKey(shop)),
    "  ), freed as (",
    ...move(released, "closed", "    "),
    freed("0"),
    "  ), moved as (",
    `    select m.id, sum(m.units) as units, sum(m.sold) as sold`,
    `    from ${consumed === null ? "freed" : "(select * from sold union all select * from freed)"} m group by 1`,
    "  ), locked as (",
    ...fit(
      `    select ${named(`a.${key}`)}, m.units, m.sold from ${tableName(articles.table)} a`,
      `join moved m on m.id = a.${key} ${counted}order by a.${key} for no key update of a`,
    ),
    "  )",
    ...fit(`  update ${tableName(articles.table)} a set ${changes.join(", ")}`, `from locked l where a.${key} = l.id;`),
  ];
}
