import { identifier, isOneOf, literal, tableName } from "./names.ts";
import type { Shop } from "./shop.ts";
import { listed, WIDTH, wrap } from "./text.ts";

/** Generates the triggers that report the shop's own changes to Lapse, so that the shop's code need not change. */
export function renderTriggers(shop: Shop): string[] {
  return [
    "-- Triggers report the shop's changes to Lapse, so its code stays as it is. They append a row and never wait or fail.",
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
 * Fires when an order leaves the open states. It is not declared `update of` the state, because a trigger of the shop
 * may change the state in an update that does not name it.
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
