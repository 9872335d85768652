import { UsageError } from "../errors.ts";
import type { Catalogue, ColumnFacts } from "./catalogue.ts";
import { Check, checkIndexes, checkStates, checkTriggers } from "./check.ts";
import { NUMBERS, readStock } from "./describe-stock.ts";
import { identifier, literal, parseTable, type Table, tableName } from "./names.ts";
import type { Answers } from "./questions.ts";
import type { Shop } from "./shop.ts";

/** The tables named in the answers. */
export function tablesOf(answers: Answers): Table[] {
  return ["orders", "payments", "items", "articles"].flatMap((name) =>
    answers[name] === undefined ? [] : [parseTable(answers[name]!)]
  );
}

/**
 * Turns answers into a description of the shop, checked against the catalogue if there is one. `notes` tell the
 * operator what else to consider.
 *
 * @throws UsageError with all problems, one per line.
 */
export function describeShop(answers: Answers, catalogue: Catalogue | null): { shop: Shop; notes: string[] } {
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

const WHOLE = /^(smallint|integer|bigint)$/;
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
    stock: readStock(answers, orders, check),
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

/** Converts to timestamptz. A value without a time zone is read as UTC, as in the triggers. */
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
      "No column names the payments of an order: its checkout must call lapse_attach_payment, or Lapse finds a payment only in " +
        "Stripe's lists, by its metadata",
    );
    return null;
  }
  const table = answers.payments === undefined ? null : check.table(answers.payments, "payments");
  const order = answers["payments-order"] ?? "";
  if (table !== null) check.reference(table, order, "payments-order", { table: orders, key: answers.key! });
  for (const id of ids) check.column(table ?? orders, id, "payment-ids", TEXTS);
  return { table, order, ids };
}

function list(text: string | undefined): string[] {
  return (text ?? "").split(",").map((it) => it.trim()).filter((it) => it !== "");
}
