import { UsageError } from "../errors.ts";
import type { Catalogue, ColumnFacts } from "./catalogue.ts";
import { identifier, literal, parseTable, type Table, tableName } from "./names.ts";
import { type Answers, missing } from "./questions.ts";

/** A shop, as far as its adapter is concerned. Columns are names, expressions are SQL over an order `o`. */
export type Shop = {
  orders: Table;
  key: { column: string; type: string };
  status: string;
  open: string[];
  paid: string[];
  closed: string[];
  draft: string[];
  paidAt: string | null;
  closedAt: string | null;
  placedAt: { column: string; expression: string };
  /** `argument` is for lapse.tg_watch: a column, a time to pay, or '' for the policies. */
  deadline: { argument: string; expression: string; column: string | null };
  amount: { column: string; major: boolean; expression: string } | null;
  currency: { argument: string; expression: string; column: string | null } | null;
  /** Columns with ids of Stripe's: of the order, or of a table with one row for each payment. */
  payments: { table: Table | null; order: string; ids: string[] } | null;
  account: string | null;
  method: string | null;
  channel: string | null;
  stock: Stock;
  openIndex: "there" | "small" | "large";
};

export type Stock = { kind: "none" } | { kind: "other" } | Counter | Reservations;

type Items = { table: Table; order: string; article: string; units: string };

export type Counter = {
  kind: "counter";
  items: Items;
  articles: { table: Table; key: string };
  inStock: string;
  tracked: { of: "article" | "item"; column: string } | null;
  articleMayBeMissing: boolean;
};

export type Reservations = {
  kind: "reservations";
  items: Items & { state: string };
  held: string;
  released: string;
  consumed: string | null;
  /** What counts the units of an article; null if nothing but the reservations does. */
  articles: { table: Table; key: string; reserved: string | null; onHand: string | null } | null;
  tracked: { of: "article" | "item"; column: string } | null;
};

/** The tables that somebody named. */
export function tablesOf(answers: Answers): Table[] {
  return ["orders", "payments", "items", "articles"].flatMap((name) =>
    answers[name] === undefined ? [] : [parseTable(answers[name]!)]
  );
}

/**
 * Turns answers into a shop, and checks them against its catalogue where there is one. `notes` are what a person should know besides.
 *
 * @throws UsageError with everything that is wrong, one line each.
 */
export function describeShop(answers: Answers, catalogue: Catalogue | null): { shop: Shop; notes: string[] } {
  const gone = missing(answers).map(({ name, value }) => `--${name} ${value} is missing`);
  if (catalogue === null && answers["key-type"] === undefined) gone.push("--key-type TYPE is missing, or --db-url URL");
  if (gone.length > 0) throw new UsageError(`Cannot write the adapter: ${gone.join("; ")}`);
  const check = new Check(catalogue);
  const shop = readShop(answers, check);
  checkStates(shop, check);
  checkIndexes(shop, check);
  checkTriggers(shop, check);
  if (check.problems.length > 0) {
    throw new UsageError(["Cannot write the adapter:", ...check.problems.map((it) => `  ${it}`)].join("\n"));
  }
  return { shop, notes: check.notes };
}

/** Looks names up and collects what is wrong, so that a person hears all of it at once. */
class Check {
  problems: string[] = [];
  notes: string[] = [];
  constructor(private readonly catalogue: Catalogue | null) {}

  get states() {
    return this.catalogue?.states;
  }

  facts(table: Table) {
    return this.catalogue?.table(table);
  }

  table(text: string, what: string): Table {
    const table = parseTable(text);
    const facts = this.facts(table);
    if (this.catalogue && facts === undefined) this.problems.push(`--${what}: there is no table ${tableName(table)}`);
    if (facts && facts.kind !== "r" && facts.kind !== "p") {
      this.problems.push(
        `--${what}: ${tableName(table)} is a view or a foreign table, which cannot be locked or watched`,
      );
    }
    return table;
  }

  /** What the catalogue says of the column; undefined without a catalogue, and if it is not there, which is a problem. */
  column(table: Table, name: string, what: string, types?: RegExp): ColumnFacts | undefined {
    const facts = this.facts(table);
    if (facts === undefined) return undefined;
    const found = facts.columns.find((it) => it.name === name);
    if (found === undefined) {
      const all = facts.columns.map((it) => it.name).join(", ");
      this.problems.push(`--${what}: ${tableName(table)} has no column ${name}; it has ${all}`);
    } else if (types && !types.test(found.type)) {
      this.problems.push(`--${what}: ${tableName(table)}.${name} is of type ${found.type}, which cannot be used here`);
    }
    return found;
  }

  has(table: Table, name: string): boolean | undefined {
    return this.facts(table)?.columns.some((it) => it.name === name);
  }
}

const WHOLE = /^(smallint|integer|bigint)$/;
const NUMBERS = /^(smallint|integer|bigint|numeric|real|double precision)$/;
const TIMES = /^(timestamp with time zone|timestamp without time zone|date)$/;
const TEXTS = /^(text|character varying|character|.*citext)$/;

function readShop(answers: Answers, check: Check): Shop {
  const answer = (name: string) => answers[name];
  const orders = check.table(answers.orders!, "orders");
  const own = (name: string, types?: RegExp): string | null => {
    if (answer(name) === undefined) return null;
    check.column(orders, answer(name)!, name, types);
    return answer(name)!;
  };
  check.column(orders, answers.status!, "status");
  return {
    orders,
    key: readKey(answers, orders, check),
    status: answers.status!,
    open: list(answers.open),
    paid: list(answers.paid),
    closed: list(answers.closed),
    draft: list(answers.draft),
    paidAt: own("paid-at", TIMES),
    closedAt: own("closed-at", TIMES),
    placedAt: {
      column: answers["placed-at"]!,
      expression: timeOf(answers["placed-at"]!, check.column(orders, answers["placed-at"]!, "placed-at", TIMES)),
    },
    deadline: readDeadline(answers, orders, check),
    ...readMoney(answers, orders, check),
    payments: readPayments(answers, orders, check),
    account: own("account", TEXTS),
    method: own("method"),
    channel: own("channel"),
    stock: readStock(answers, check),
    openIndex: "small",
  };
}

function readKey(answers: Answers, orders: Table, check: Check): Shop["key"] {
  const column = answers.key!;
  const found = check.column(orders, column, "key");
  const type = knownType(found?.type ?? answers["key-type"] ?? "");
  if (type === "character") check.problems.push(`--key: character(n) pads its values; make the key a text`);
  if (found && !found.builtIn) {
    check.problems.push(`--key: keys of the type ${found.type} are not covered; write this adapter by hand`);
  }
  const indexes = check.facts(orders)?.indexes;
  if (found && !indexes!.some((it) => it.unique && it.columns.length === 1 && it.columns[0] === column)) {
    check.problems.push(
      `--key: ${tableName(orders)}.${column} has no unique index of its own; keys of several columns are not covered`,
    );
  }
  return { column, type };
}

function knownType(text: string): string {
  const names: Record<string, string> = {
    "character varying": "text",
    varchar: "text",
    int: "integer",
    int4: "integer",
    serial: "integer",
    int8: "bigint",
    bigserial: "bigint",
    int2: "smallint",
    bpchar: "character",
    char: "character",
  };
  return names[text.toLowerCase()] ?? text;
}

/** As a time with its zone: what has none is taken for UTC, as the triggers take it. */
function timeOf(column: string, found: ColumnFacts | undefined): string {
  const name = `o.${identifier(column)}`;
  if (found?.type === "timestamp without time zone") return `${name} at time zone 'UTC'`;
  if (found?.type === "date") return `${name}::timestamp at time zone 'UTC'`;
  return name;
}

function readDeadline(answers: Answers, orders: Table, check: Check): Shop["deadline"] {
  const { deadline } = answers;
  if (deadline === undefined) return { argument: "", expression: "null::timestamptz", column: null };
  const isTime = /^(\d+ ?(seconds?|minutes?|mins?|hours?|days?|weeks?) ?)+$/i.test(deadline) ||
    /^\d+:\d\d(:\d\d)?$/.test(deadline);
  if (!isTime) {
    const found = check.column(orders, deadline, "deadline", TIMES);
    if (found?.type === "date") {
      check.notes.push(`--deadline: ${deadline} is a date; the time to pay ends when that day begins, in UTC`);
    }
    return { argument: deadline, expression: timeOf(deadline, found), column: deadline };
  }
  const placed = answers["placed-at"]!;
  const expression = `${timeOf(placed, check.facts(orders)?.columns.find(({ name }) => name === placed))} + interval ${
    literal(deadline)
  }`;
  return { argument: deadline, expression, column: null };
}

function readMoney(answers: Answers, orders: Table, check: Check): Pick<Shop, "amount" | "currency"> {
  const { amount, currency } = answers;
  if (amount === undefined) return { amount: null, currency: null };
  const isCode = check.has(orders, currency!) === true ? false : /^[a-z]{3}$/i.test(currency!);
  const isText = !isCode && TEXTS.test(check.column(orders, currency!, "currency")?.type ?? "");
  const currencyExpression = isCode
    ? literal(currency!.toLowerCase())
    : `o.${identifier(currency!)}${isText ? "" : "::text"}`;

  const found = check.column(orders, amount, "amount", NUMBERS);
  const unit = answers["amount-unit"];
  if (unit !== undefined && unit !== "minor" && unit !== "major") {
    check.problems.push("--amount-unit: it is neither minor nor major");
  }
  const major = unit === "major" || unit === undefined && found !== undefined && !WHOLE.test(found.type);
  if (major && found && !WHOLE.test(found.type) && (found.scale === null || found.scale > 3)) {
    check.notes.push(
      `--amount: ${amount} can have more digits than its currency; such an order is not watched until its amount is a whole number ` +
        "of minor units, and an alert names it",
    );
  }
  const column = `o.${identifier(amount)}`;
  return {
    amount: {
      column: amount,
      major,
      expression: major ? `lapse.minor_units(${column}${numericCast(found)}, ${currencyExpression})` : column,
    },
    currency: {
      argument: isCode ? currency!.toLowerCase() : currency!,
      expression: currencyExpression,
      column: isCode ? null : currency!,
    },
  };
}

function numericCast(found: ColumnFacts | undefined): string {
  return found?.type === "numeric" ? "" : "::numeric";
}

function readPayments(answers: Answers, orders: Table, check: Check): Shop["payments"] {
  const ids = list(answers["payment-ids"]);
  if (ids.length === 0) {
    check.notes.push(
      "No column names the payments of an order: its checkout has to call lapse_attach_payment, or Lapse hears of a payment only from " +
        "Stripe's own lists, by its metadata",
    );
    return null;
  }
  const table = answers.payments === undefined ? null : check.table(answers.payments, "payments");
  const order = answers["payments-order"] ?? "";
  if (table !== null) check.column(table, order, "payments-order");
  for (const id of ids) check.column(table ?? orders, id, "payment-ids", TEXTS);
  return { table, order, ids };
}

function readStock(answers: Answers, check: Check): Stock {
  const kind = answers.stock;
  if (kind !== "counter" && kind !== "reservations") {
    if (kind === "none") return { kind };
    if (kind === "other") return { kind };
    check.problems.push(`--stock: ${kind} is neither counter, reservations, none nor other`);
    return { kind: "none" };
  }
  const table = check.table(answers.items!, "items");
  const [order, article, units] = [answers["items-order"]!, answers["items-article"]!, answers["items-units"]!];
  check.column(table, order, "items-order");
  const articleFacts = check.column(table, article, "items-article");
  check.column(table, units, "items-units", NUMBERS);
  const items = { table, order, article, units };
  const articles = answers.articles === undefined ? null : check.table(answers.articles, "articles");
  const key = answers["articles-key"] ?? "id";
  if (articles !== null) check.column(articles, key, "articles-key");
  const tracked = readTracked(answers, { items: table, articles }, check);

  if (kind === "counter") {
    const inStock = answers["in-stock"]!;
    check.column(articles!, inStock, "in-stock", NUMBERS);
    return {
      kind,
      items,
      articles: { table: articles!, key },
      inStock,
      tracked,
      articleMayBeMissing: articleFacts?.nullable ?? false,
    };
  }
  const state = answers["items-state"]!;
  const facts = check.column(table, state, "items-state");
  const states = { held: answers.held!, released: answers.released!, consumed: answers.consumed ?? null };
  for (const [name, value] of Object.entries(states)) {
    if (value !== null && facts?.labels && !facts.labels.includes(value)) {
      check.problems.push(
        `--${name}: ${value} is no state of ${tableName(table)}.${state}; they are ${facts.labels.join(", ")}`,
      );
    }
  }
  const [reserved, onHand] = ["reserved", "on-hand"].map((name) => answers[name] ?? null);
  if (articles !== null) {
    if (reserved) check.column(articles, reserved, "reserved", NUMBERS);
    if (onHand) check.column(articles, onHand, "on-hand", NUMBERS);
    if (!reserved && !onHand) {
      check.problems.push("--articles: neither --reserved nor --on-hand names what is counted there");
    }
  }
  if (onHand && states.consumed === null) {
    check.problems.push("--on-hand: it falls when units are sold; name that state with --consumed");
  }
  return {
    kind,
    items: { ...items, state },
    ...states,
    articles: articles === null ? null : { table: articles, key, reserved: reserved ?? null, onHand: onHand ?? null },
    tracked,
  };
}

function readTracked(answers: Answers, { items, articles }: { items: Table; articles: Table | null }, check: Check) {
  const { tracked } = answers;
  if (tracked === undefined) return null;
  const ofItem = tracked.startsWith("items.");
  const column = ofItem ? tracked.slice("items.".length) : tracked;
  const table = ofItem ? items : articles;
  if (table === null) check.problems.push(`--tracked: there is no --articles that could have ${column}`);
  else check.column(table, column, "tracked", /^boolean$/);
  return { of: ofItem ? "item" as const : "article" as const, column };
}

/** Every state that occurs has to mean something, and none two things. */
function checkStates({ orders, status, open, paid, closed, draft }: Shop, check: Check): void {
  const named = [...open, ...paid, ...closed, ...draft];
  const twice = named.filter((state, index) => named.indexOf(state) !== index);
  if (twice.length > 0) {
    check.problems.push(`The state ${twice[0]} is named twice among --open, --paid, --closed and --draft`);
  }
  const column = check.facts(orders)?.columns.find(({ name }) => name === status);
  if (column === undefined) return;
  if (check.states === null) {
    check.notes.push(
      `--status: the states that occur were not checked, as ${tableName(orders)} is too large to read in time`,
    );
    return;
  }
  const unnamed = (check.states ?? []).filter((state) => !named.includes(state));
  if (unnamed.length > 0) {
    check.problems.push(
      `--status: ${
        unnamed.join(", ")
      } must be named too: among --open, --paid or --closed, or --draft for what is no order yet`,
    );
  }
  const unknown = named.filter((state) => column.labels && !column.labels.includes(state));
  if (unknown.length > 0) {
    check.problems.push(`--status: ${unknown.join(", ")} are no states; they are ${column.labels!.join(", ")}`);
  }
}

const LARGE = 50_000;

function checkIndexes(shop: Shop, check: Check): void {
  const { orders, open, status, stock, payments } = shop;
  const facts = check.facts(orders);
  if (facts === undefined) return;
  const covers = facts.indexes.some(({ columns, condition }) =>
    condition === null
      ? columns[0] === status
      : condition.includes(identifier(status)) && open.every((state) => condition.includes(literal(state)))
  );
  shop.openIndex = covers ? "there" : facts.rows > LARGE ? "large" : "small";
  const byOrder: [Table, string][] = [];
  if (payments?.table) byOrder.push([payments.table, payments.order]);
  if ("items" in stock) byOrder.push([stock.items.table, stock.items.order]);
  for (const [table, column] of byOrder) {
    const found = check.facts(table)?.indexes.some(({ columns, condition }) =>
      columns[0] === column && condition === null
    );
    if (found === false) {
      const command = `create index concurrently on ${tableName(table)} (${identifier(column)})`;
      check.notes.push(
        `${
          tableName(table)
        } has no index that begins with ${column}, so each order reads all of it. First: ${command};`,
      );
    }
  }
}

function checkTriggers({ orders, stock }: Shop, check: Check): void {
  const triggers = check.facts(orders)?.triggers ?? [];
  if (triggers.length > 0 && stock.kind !== "none") {
    check.notes.push(
      `${tableName(orders)} has triggers of its own (${
        triggers.join(", ")
      }). If one of them gives stock back when an order is closed, ` +
        "use --stock none, or it is given back twice",
    );
  }
}

function list(text: string | undefined): string[] {
  return (text ?? "").split(",").map((it) => it.trim()).filter((it) => it !== "");
}
