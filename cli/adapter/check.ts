import type { Catalogue, ColumnFacts } from "./catalogue.ts";
import { identifier, literal, parseTable, type Table, tableName } from "./names.ts";
import type { Shop } from "./shop.ts";

/** Looks up names and collects all problems, so that they are reported together. */
export class Check {
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

  /**
   * The column's entry in the catalogue. A missing column is reported as a problem; undefined then, and without a
   * catalogue.
   */
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

  /** A column that holds the key of another table. It must have the key's type and no foreign key to anything else. */
  reference(table: Table, name: string, what: string, to: { table: Table; key: string }): ColumnFacts | undefined {
    const found = this.column(table, name, what);
    const key = this.facts(to.table)?.columns.find((it) => it.name === to.key);
    if (found === undefined || key === undefined) return found;
    const [own, other] = [`${tableName(table)}.${name}`, `${tableName(to.table)}.${to.key}`];
    const elsewhere = this.facts(table)!.references.find((it) =>
      it.column === name && (it.table !== `${to.table.schema}.${to.table.name}` || it.to !== to.key)
    );
    if (elsewhere) {
      this.problems.push(
        `--${what}: ${own} refers to ${elsewhere.table}.${elsewhere.to}, and not to ${other}, which is the key`,
      );
    } else if (kindOf(found.type) !== kindOf(key.type)) {
      this.problems.push(`--${what}: ${own} is of type ${found.type}, and ${other} of type ${key.type}`);
    }
    return found;
  }

  has(table: Table, name: string): boolean | undefined {
    return this.facts(table)?.columns.some((it) => it.name === name);
  }
}

/** Groups types whose values can be compared with each other. */
function kindOf(type: string): string {
  if (/^(smallint|integer|bigint)$/.test(type)) return "number";
  return /^(text|character varying)$/.test(type) ? "text" : type;
}

/** Reports states that occur but are not named, and states that are named twice. */
export function checkStates({ orders, status, open, paid, closed, draft }: Shop, check: Check): void {
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
    check.problems.push(`--status: ${unknown.join(", ")} are not states; the states are ${column.labels!.join(", ")}`);
  }
}

const LARGE = 50_000;

export function checkIndexes(shop: Shop, check: Check): void {
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
        } has no index that begins with ${column}, so each order reads the whole table. First: ${command};`,
      );
    }
  }
}

export function checkTriggers({ orders, stock, amount }: Shop, check: Check): void {
  const triggers = check.facts(orders)?.triggers ?? [];
  const table = tableName(orders);
  const names = (them: typeof triggers) => them.map(({ name }) => name).join(", ");
  if (triggers.length > 0 && stock.kind !== "none") {
    check.notes.push(
      `${table} has triggers of its own (${names(triggers)}). If one of them releases stock when an order is closed, ` +
        "use --stock none; otherwise it is released twice",
    );
  }
  const before = triggers.filter((it) => it.before);
  if (before.length > 0 && amount !== null) {
    check.notes.push(
      `If ${
        names(before)
      } of ${table} changes the amount, currency or deadline by itself, take the list of columns out of the trigger ` +
        "lapse_watches: it fires only for columns that an update names",
    );
  }
}
