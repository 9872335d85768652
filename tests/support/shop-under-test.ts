// The shop in which tests of orders run: the sample shop, or the second one behind views with the first one's names (tests/second-shop).
//
// A test file that wants the second shop says so before it imports anything that opens a shop; manually, set LAPSE_SHOP=next-shop.

import type postgres from "postgres";
import type { DatabasesOptions } from "../../local/platform/databases.ts";
import { nextShop, sampleShop } from "../../local/platform/prepare.ts";
import { withConnection } from "../../local/postgres/databases.ts";

const wish = globalThis as { lapseShop?: "shop" | "next-shop" };

/** Call before the tests are imported: the modules of each test file are its own. */
export function testSecondShop(): void {
  wish.lapseShop = "next-shop";
}

/** Whether the tests run in the second shop. */
export function isSecond(): boolean {
  return (wish.lapseShop ?? Deno.env.get("LAPSE_SHOP")) === "next-shop";
}

/** What the test's databases are prepared with. */
export function shopOptions(): Pick<DatabasesOptions, "shop"> {
  return { shop: isSecond() ? nextShop : sampleShop };
}

/** Makes a fresh database ready for tests that speak of the sample shop. */
export async function teachWords({ url }: { url: string }): Promise<void> {
  if (!isSecond()) return;
  const words = await Deno.readTextFile(new URL("../second-shop/as_first.sql", import.meta.url));
  await withConnection(url, (sql) => sql.unsafe(words).simple());
}

/** The same connection; in the second shop, queries about the sample shop's tables and functions mean the views and functions of its words. */
export function inWords<S extends postgres.Sql>(sql: S): S {
  return isSecond() ? dressed(sql) : sql;
}

const WORDS =
  /(?<!alter table |references |vacuum analyze |of state on )public\.(?=(?:orders|inventory|stock_reservations|place_order|close_order)\b)/g;
const ATTACH = /\b(?:public\.lapse_|lapse\.)attach_payment\(/g;
/** The schedules' webhook is the shop's own; tests that ask what Lapse answers to one call the RPC. */
const WEBHOOK = /\blapse\.mark_paid\(/g;

/** What a view cannot replace: locks and triggers. */
const IDIOMS: [string, string][] = [
  ["select from public.inventory where sku = ", "select from public.variants where title = "],
  ["before update of status on public.orders", "before update of state on public.orders"],
  ["(new.status = 'expired'", "(new.state = 'cancelled'"],
];

function translate(text: string): string {
  const own = IDIOMS.reduce((said, [first, second]) => said.replaceAll(first, second), text);
  return own.replace(WORDS, "as_first.").replace(ATTACH, "as_first.attach_payment(")
    .replace(WEBHOOK, "as_first.mark_paid(");
}

const known = new WeakMap<TemplateStringsArray, TemplateStringsArray>();

/** The driver knows a statement by the identity of its template, so each has one translation. */
function translated(strings: TemplateStringsArray): TemplateStringsArray {
  let own = known.get(strings);
  if (!own) {
    const texts = strings.map(translate);
    own = Object.assign(texts, { raw: texts }) as unknown as TemplateStringsArray;
    known.set(strings, own);
  }
  return own;
}

// deno-lint-ignore no-explicit-any
function dressed<S extends (...args: any[]) => any>(sql: S): S {
  return new Proxy(sql, {
    apply(target, self, [first, ...rest]) {
      const strings = Array.isArray(first?.raw) ? translated(first) : first;
      return Reflect.apply(target, self, [strings, ...rest]);
    },
    get(target, name) {
      // deno-lint-ignore no-explicit-any
      const value = (target as any)[name];
      if (name === "unsafe") return (text: string, ...rest: unknown[]) => value.call(target, translate(text), ...rest);
      if (name === "begin" || name === "savepoint") {
        return (...args: unknown[]) => {
          // deno-lint-ignore no-explicit-any
          const work = args.pop() as (sql: any) => unknown;
          return value.call(target, ...args, (inner: S) => work(dressed(inner)));
        };
      }
      return value;
    },
  });
}
