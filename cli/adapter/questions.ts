/**
 * What `lapse adapter` must know about a shop. Each question is an option on the command line; on a terminal they are
 * asked in this order. Names are spelled exactly as in the database; a table without a schema is in public.
 */
export type Question = {
  name: string;
  /** The kind of value that the option takes. */
  value: string;
  help: string;
  /** Whether the question applies, given these answers. Without it the question always applies. */
  when?: (answers: Answers) => boolean;
  required?: boolean;
  /** Whether the answer can be read from the database. */
  fromDatabase?: boolean;
  /** The default, offered on a terminal and used elsewhere. */
  usual?: string;
};

export type Answers = Record<string, string | undefined>;

const movesStock = ({ stock }: Answers) => stock === "counter" || stock === "reservations";
const reserves = ({ stock }: Answers) => stock === "reservations";
const counts = ({ stock }: Answers) => stock === "counter";
const hasAmount = ({ amount }: Answers) => amount !== undefined;
const hasPayments = ({ payments }: Answers) => payments !== undefined;
const hasArticles = (answers: Answers) => movesStock(answers) && answers.articles !== undefined;

export const QUESTIONS: Question[] = [
  { name: "orders", value: "TABLE", help: "table of the orders, for example public.orders", required: true },
  { name: "key", value: "COLUMN", help: "key of an order, as Stripe's metadata carries it", usual: "id" },
  {
    name: "key-type",
    value: "TYPE",
    help: "type of the key: text, uuid, bigint, …; read from the database if one is given",
    required: true,
    fromDatabase: true,
  },
  { name: "status", value: "COLUMN", help: "state of an order, an enum or a text", usual: "status" },
  {
    name: "open",
    value: "STATES",
    help: "states of an order that waits for its payment, separated by commas",
    required: true,
  },
  { name: "paid", value: "STATES", help: "states of a paid order; Lapse writes the first", required: true },
  { name: "closed", value: "STATES", help: "states of an order closed unpaid; Lapse writes the first", required: true },
  { name: "draft", value: "STATES", help: "states of rows that are not orders yet: a cart, a draft" },
  { name: "paid-at", value: "COLUMN", help: "column that Lapse sets to the time it marks an order paid" },
  { name: "closed-at", value: "COLUMN", help: "column that Lapse sets to the time it closes an order unpaid" },
  { name: "placed-at", value: "COLUMN", help: "when the order was placed", usual: "created_at" },
  {
    name: "deadline",
    value: "COLUMN|TIME",
    help:
      "when the time to pay ends: a column, or an interval after placing such as '30 minutes'; none: Lapse's policies",
  },
  { name: "amount", value: "COLUMN", help: "what the customer pays; none: any payment settles the order" },
  {
    name: "amount-unit",
    value: "minor|major",
    help: "minor for cents (1250), major for 12.50; derived from the database if one is given: whole numbers are minor",
    when: hasAmount,
    required: true,
    fromDatabase: true,
  },
  {
    name: "currency",
    value: "COLUMN|CODE",
    help: "column of the currency, or the code if there is only one: eur",
    when: hasAmount,
    required: true,
  },
  { name: "payments", value: "TABLE", help: "table of the payments, if they are not in columns of the order" },
  { name: "payments-order", value: "COLUMN", help: "its column with the order", when: hasPayments, usual: "order_id" },
  {
    name: "payment-ids",
    value: "COLUMNS",
    help: "columns with ids of PaymentIntents and Checkout Sessions, separated by commas",
  },
  { name: "account", value: "COLUMN", help: "connected account of an order (acct_…)" },
  { name: "method", value: "COLUMN", help: "payment method of an order, for the policies of Lapse" },
  { name: "channel", value: "COLUMN", help: "channel of an order, for the policies of Lapse" },
  {
    name: "stock",
    value: "counter|reservations|none|other",
    help: "counter: checkout takes units from a column; reservations: rows with a state; none: nothing to release",
    required: true,
  },
  {
    name: "items",
    value: "TABLE",
    help: "table of an order's articles and units, or of its reservations",
    when: movesStock,
    required: true,
  },
  { name: "items-order", value: "COLUMN", help: "its column with the order", when: movesStock, usual: "order_id" },
  { name: "items-article", value: "COLUMN", help: "its column with the article", when: movesStock, required: true },
  { name: "items-units", value: "COLUMN", help: "its column with the units", when: movesStock, usual: "quantity" },
  { name: "items-state", value: "COLUMN", help: "state of a reservation", when: reserves, usual: "state" },
  { name: "held", value: "STATE", help: "state of a reservation that holds units", when: reserves, usual: "held" },
  { name: "released", value: "STATE", help: "its state when they are free again", when: reserves, usual: "released" },
  { name: "consumed", value: "STATE", help: "its state when they are sold; none: it stays held", when: reserves },
  {
    name: "articles",
    value: "TABLE",
    help: "table that counts the units of an article (reservations: if there is one)",
    when: movesStock,
  },
  { name: "articles-key", value: "COLUMN", help: "its key", when: hasArticles, usual: "id" },
  { name: "in-stock", value: "COLUMN", help: "the units that a checkout takes", when: counts, required: true },
  {
    name: "reserved",
    value: "COLUMN",
    help: "the units that reservations hold",
    when: (answers) => reserves(answers) && hasArticles(answers),
  },
  {
    name: "on-hand",
    value: "COLUMN",
    help: "the units on the shelf, reserved or not, which fall when they are sold",
    when: (answers) => reserves(answers) && hasArticles(answers),
  },
  {
    name: "tracked",
    value: "COLUMN",
    help: "true if units are counted: a column of articles, or items.COLUMN for one of the items",
    when: movesStock,
  },
];

/** The questions that must be answered before anything can be generated. */
export function missing(answers: Answers, { hasDatabase }: { hasDatabase: boolean }): Question[] {
  const needed = ({ name, required, fromDatabase }: Question) =>
    required && !(fromDatabase && hasDatabase) ||
    name === "articles" && counts(answers) || name === "payment-ids" && hasPayments(answers);
  return QUESTIONS.filter((it) => applies(it, answers) && answers[it.name] === undefined && needed(it));
}

export function applies({ when }: Question, answers: Answers): boolean {
  return when === undefined || when(answers);
}

export type Terminal = {
  hasDatabase: boolean;
  /** Shows the text and returns what the user typed. */
  ask(text: string): Promise<string>;
  /** Shows a table's columns; returns false if there is no such table. */
  show(table: string): Promise<boolean>;
};

/** Asks every question that has no answer yet. A required one is asked until it is answered. */
export async function askRest(given: Answers, { hasDatabase, ask, show }: Terminal): Promise<Answers> {
  const answers = { ...given };
  for (const question of QUESTIONS) {
    const { name, value, help, usual, fromDatabase } = question;
    if (fromDatabase && hasDatabase) continue;
    while (applies(question, answers) && answers[name] === undefined) {
      const typed = (await ask(`${name} ${value} (${help})${usual === undefined ? "" : ` [${usual}]`}: `)).trim();
      answers[name] = typed || usual;
      if (value === "TABLE" && typed && !await show(typed)) answers[name] = undefined;
      else if (!missing(answers, { hasDatabase }).includes(question)) break;
    }
  }
  return answers;
}

/** Fills in the defaults. */
export function withUsual(given: Answers): Answers {
  const answers = { ...given };
  for (const question of QUESTIONS) {
    if (question.usual !== undefined && applies(question, answers)) answers[question.name] ??= question.usual;
  }
  return answers;
}
