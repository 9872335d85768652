import { identifier, isOneOf, literal, tableName } from "./names.ts";
import type { Counter, Reservations, Shop } from "./shop.ts";
import { fit, isAmong, SETTINGS } from "./text.ts";

/** The units that closing an order would release, as an expression over an order `o`. */
export function unitsOf({ stock, key }: Shop): string {
  const order = `o.${identifier(key.column)}`;
  if (stock.kind === "none" || stock.kind === "other") return "0";
  const { table, order: ofOrder, article, units } = stock.items;
  const own = `i.${identifier(ofOrder)} = ${order}`;
  const sum = `select sum(i.${identifier(units)}) from ${tableName(table)} i`;
  if (stock.kind === "reservations") {
    return `(${sum} where ${own} and i.${identifier(stock.items.state)} = ${literal(stock.held)})`;
  }
  const { tracked, articles } = stock;
  if (tracked?.of === "article") {
    const join = `join ${tableName(articles.table)} a on a.${identifier(articles.key)} = i.${identifier(article)}`;
    return `(${sum} ${join} where ${own} and a.${identifier(tracked.column)})`;
  }
  const counted = tracked ? ` and i.${identifier(tracked.column)}` : "";
  const known = stock.articleMayBeMissing ? ` and i.${identifier(article)} is not null` : "";
  return `(${sum} where ${own}${counted}${known})`;
}

/** Closes orders by compare-and-set, and moves their stock last, articles in the order of their keys. */
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
    "  -- GAP: give back what the orders in p_expired hold, articles locked in the order of their keys, and make lock_orders say how many",
    "  -- units that is. Do so only for the orders that the update above closed: a second call must change nothing.",
    "  if cardinality(p_expired) > 0 then",
    "    raise exception 'Cannot give stock back: lapse_shop.finish_orders has a gap here' using errcode = '0A000';",
    "  end if;",
    "end;",
    "$$;",
  ];
}

/** The update that closes orders which are open still. */
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

/** The column under the name `id`. */
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

/** Why nothing can be written that takes the stock of an expired order again; null if it can. */
export function reviveProblem({ stock }: Shop): string | null {
  if (stock.kind === "other") return "stock that --stock other leaves open";
  if (stock.kind !== "reservations") return null;
  const known = stock.articles?.reserved && stock.articles.onHand && stock.consumed && stock.tracked === null;
  return known ? null : "reservations without --reserved, --on-hand and --consumed, or with --tracked";
}

/** Money arrived for an order that Lapse expired: takes its stock again, all lines or none, and calls it paid. */
export function renderRevive(shop: Shop): string[] {
  const { orders, key, status, closed, paid, paidAt, closedAt, stock } = shop;
  const own = isAmong(`o.${identifier(key.column)}`, "array[p_ref]", shop);
  const times = [
    ...(paidAt ? [`${identifier(paidAt)} = now()`] : []),
    ...(closedAt ? [`${identifier(closedAt)} = null`] : []),
  ];
  const set = [`${identifier(status)} = ${literal(paid[0]!)}`, ...times].join(", ");
  return [
    "-- Money arrived for an order that Lapse expired: its stock is taken again, all of it or nothing.",
    "create or replace function lapse_shop.revive_order(p_ref text) returns boolean",
    `language plpgsql ${SETTINGS} as $$`,
    "begin",
    ...fit(
      `  perform from ${tableName(orders)} o`,
      `where ${own} and o.${identifier(status)} = ${literal(closed[0]!)} for no key update;`,
    ),
    "  if not found then",
    "    return false;",
    "  end if;",
    ...(stock.kind === "counter"
      ? takeCounter(shop, stock)
      : stock.kind === "reservations"
      ? takeReservations(shop, stock)
      : []),
    `  update ${tableName(orders)} o set ${set} where ${own};`,
    "  return true;",
    "end;",
    "$$;",
  ];
}

function takeCounter(shop: Shop, { items, articles, inStock, tracked }: Counter): string[] {
  const stock = identifier(inStock);
  const counted = tracked?.of === "article" ? `a.${identifier(tracked.column)} and ` : "";
  const of = `i.${identifier(items.order)} = any (${refAsKeys(shop)})${
    tracked?.of === "item" ? ` and i.${identifier(tracked.column)}` : ""
  }`;
  return takeUnits({
    articles: `${tableName(articles.table)} a`,
    key: `a.${identifier(articles.key)}`,
    items: itemsOf(items, of),
    counted,
    short: `a.${stock} < n.units`,
    set: `${stock} = a.${stock} - n.units`,
  });
}

function takeReservations(shop: Shop, { items, articles, released, consumed }: Reservations): string[] {
  const { table, key, reserved, onHand } = articles!;
  const state = `i.${identifier(items.state)} = ${literal(released)}`;
  const of = `i.${identifier(items.order)} = any (${refAsKeys(shop)}) and ${state}`;
  return [
    ...takeUnits({
      articles: `${tableName(table)} a`,
      key: `a.${identifier(key)}`,
      items: itemsOf(items, of),
      counted: "",
      short: `a.${identifier(onHand!)} - a.${identifier(reserved!)} < n.units`,
      set: `${identifier(onHand!)} = a.${identifier(onHand!)} - n.units`,
    }),
    ...fit(
      `  update ${tableName(items.table)} i set ${identifier(items.state)} = ${literal(consumed!)}`,
      `where ${of};`,
    ),
  ];
}

function refAsKeys({ key: { type } }: Shop): string {
  return type === "text" ? "array[p_ref]" : `(select lapse_shop.keys(array[p_ref]))::${type}[]`;
}

function itemsOf(
  items: { table: { schema: string; name: string }; article: string; units: string },
  condition: string,
): string[] {
  return fit(
    `(select i.${identifier(items.article)} as id, sum(i.${identifier(items.units)}) as units`,
    `from ${tableName(items.table)} i where ${condition} group by 1) n`,
  ).map((line) => line.trim());
}

type Take = { articles: string; key: string; items: string[]; counted: string; short: string; set: string };

function takeUnits({ articles, key, items, counted, short, set }: Take): string[] {
  const below = (indent: string) => items.map((line, index) => `${indent}${index === 0 ? "" : "  "}${line}`);
  const named = (indent: string, start: string, end: string) => {
    const lines = below(indent);
    lines[0] = `${indent}${start}${items[0]}`;
    lines[lines.length - 1] += end;
    return lines;
  };
  return [
    `  perform from ${articles}`,
    ...named(
      "  ",
      "join ",
      ` on n.id = ${key} ${
        counted === "" ? "" : `where ${counted.replace(/ and $/, " ")}`
      }order by ${key} for no key update of a;`,
    ),
    `  if exists (`,
    `    select from ${articles}`,
    ...named("    ", "join ", ` on n.id = ${key} where ${counted}${short}`),
    "  ) then",
    "    return false;",
    "  end if;",
    `  update ${articles} set ${set}`,
    ...named("  ", "from ", ` where ${counted}n.id = ${key};`),
  ];
}
