import type { Check } from "./check.ts";
import { type Table, tableName } from "./names.ts";
import type { Answers } from "./questions.ts";
import type { Stock } from "./shop.ts";

export const NUMBERS = /^(smallint|integer|bigint|numeric|real|double precision)$/;

/** Describes how the shop manages its stock, and checks the answers against the catalogue. */
export function readStock(answers: Answers, orders: Table, check: Check): Stock {
  const kind = answers.stock;
  if (kind !== "counter" && kind !== "reservations") {
    if (kind === "none") return { kind };
    if (kind === "other") return { kind };
    check.problems.push(`--stock: ${kind} is neither counter, reservations, none nor other`);
    return { kind: "none" };
  }
  const table = check.table(answers.items!, "items");
  const [order, article, units] = [answers["items-order"]!, answers["items-article"]!, answers["items-units"]!];
  check.reference(table, order, "items-order", { table: orders, key: answers.key! });
  check.column(table, units, "items-units", NUMBERS);
  const items = { table, order, article, units };
  const articles = answers.articles === undefined ? null : check.table(answers.articles, "articles");
  const key = answers["articles-key"] ?? "id";
  if (articles !== null) check.column(articles, key, "articles-key");
  const articleFacts = articles === null
    ? check.column(table, article, "items-article")
    : check.reference(table, article, "items-article", { table: articles, key });
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
        `--${name}: ${value} is not a state of ${tableName(table)}.${state}; they are ${facts.labels.join(", ")}`,
      );
    }
  }
  const [reserved, onHand] = ["reserved", "on-hand"].map((name) => answers[name] ?? null);
  if (articles !== null) {
    if (reserved) check.column(articles, reserved, "reserved", NUMBERS);
    if (onHand) check.column(articles, onHand, "on-hand", NUMBERS);
    if (!reserved && !onHand) {
      check.problems.push("--articles: name the column with the count with --reserved or --on-hand");
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
