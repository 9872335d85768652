import { identifier, isOneOf, literal, tableName } from "./names.ts";
import type { Shop } from "./shop.ts";
import { listed, WIDTH, wrap } from "./text.ts";

/** The triggers that tell Lapse what the shop's own code does, so that it stays as it is. */
export function renderTriggers(shop: Shop): string[] {
  return [
    "-- The shop's own code stays as it is: triggers tell Lapse what it does. They append a line, never wait and never fail.",
    ...watches(shop),
    ...attaches(shop),
    ...follows(shop),
  ];
}

function watches(
  { orders, key, status, open, placedAt, deadline, amount, currency, account, method, channel }: Shop,
): string[] {
  const columns = [status, amount?.column, currency?.column, deadline.column, account, method, channel];
  const options = [
    amount?.major ? "unit=major" : null,
    method && `method=${method}`,
    channel && `channel=${channel}`,
    `placed_at=${placedAt.column}`,
    account && `account=${account}`,
  ];
  return trigger({
    name: "lapse_watches",
    events: `insert or update of ${unique(columns).map(identifier).join(", ")}`,
    table: tableName(orders),
    when: isOneOf(`new.${identifier(status)}`, open),
    call: "tg_watch",
    args: [key.column, amount?.column ?? "", currency?.argument ?? "", deadline.argument, ...unique(options)],
  });
}

function attaches({ orders, key, status, open, payments, account }: Shop): string[] {
  if (payments === null) return [];
  const { table, order, ids } = payments;
  return trigger({
    name: "lapse_attaches",
    events: `insert or update of ${ids.map(identifier).join(", ")}`,
    table: tableName(table ?? orders),
    when: table === null ? isOneOf(`new.${identifier(status)}`, open) : null,
    call: "tg_attach",
    args: [table === null ? key.column : order, ...ids, ...table === null && account ? [`account=${account}`] : []],
  });
}

/**
 * An order that leaves the open states for one that was named. Not `update of` the state: a trigger of the shop's own may change it before an
 * update that does not name it.
 */
function follows({ orders, key, status, open, paid, closed, draft }: Shop): string[] {
  const column = identifier(status);
  const table = tableName(orders);
  const left = isOneOf(`old.${column}`, open);
  return [
    ...trigger({
      name: "lapse_follows",
      events: "update",
      table,
      when: `${left} and ${isOneOf(`new.${column}`, [...paid, ...closed, ...draft])}`,
      call: "tg_follow",
      args: [key.column, status, ...paid],
    }),
    ...trigger({
      name: "lapse_follows_deletions",
      events: "delete",
      table,
      when: left,
      call: "tg_follow",
      args: [key.column, status],
    }),
  ];
}

type Trigger = { name: string; events: string; table: string; when: string | null; call: string; args: string[] };

function trigger({ name, events, table, when, call, args }: Trigger): string[] {
  const clauses = [
    `create or replace trigger ${name} after ${events} `,
    `on ${table} for each row `,
    ...(when === null ? [] : [`when (${when}) `]),
    `execute function lapse.${call}(`,
  ];
  const given = listed([...args.slice(0, -1).map(literal), `${literal(args.at(-1)!)});`]);
  const whole = wrap([...clauses.slice(0, -1), clauses.at(-1)! + given.join("")], { first: "", then: "  " });
  return whole.at(-1)!.length <= WIDTH ? whole : [
    ...wrap(clauses.slice(0, -1), { first: "", then: "  " }),
    ...wrap(given, { first: `  ${clauses.at(-1)}`, then: "    " }),
  ];
}

function unique(names: (string | null | undefined)[]): string[] {
  return [...new Set(names.filter((name) => typeof name === "string" && name !== ""))] as string[];
}
