import { z } from "zod";
import type { Call } from "./endpoint.ts";
import { invalidParameter } from "./errors.ts";
import { lapseIfDue } from "./intent-machine.ts";
import { expand, integer, readExpand, readLimit, readParams, text } from "./params.ts";
import { renderIntent } from "./render.ts";
import type { StoredIntent } from "./stored.ts";

const searchSchema = z.strictObject({
  query: text,
  limit: integer.optional(),
  page: text.optional(),
  expand: expand.optional(),
});
const CLAUSE =
  /^(-?)(status|created|metadata\[(?:'([^']*)'|"([^"]*)")\])\s*(:|<=|>=|<|>)\s*(?:'([^']*)'|"([^"]*)"|(\d+))$/;

/**
 * GET /v1/payment_intents/search: `status`, `created` and `metadata`, combined by AND or OR. May return an outdated
 * status.
 */
export function searchIntents(call: Call) {
  const params = readParams(searchSchema, call.params);
  readExpand(params.expand, []);
  const limit = readLimit(params.limit);
  const matches = parseQuery(params.query);
  return () => {
    const { store, behaviour } = call;
    const indexedAt = store.around.clock.nowMs() - behaviour.searchLagMs;
    const all = store.intentList.all();
    const found: StoredIntent[] = [];
    const start = params.page === undefined ? all.length - 1 : Number(atob(params.page));
    let next = start;
    for (; next >= 0 && found.length < limit; next--) {
      const intent = lapseIfDue(store, all[next]!);
      if (intent.insertedAtMs > indexedAt && behaviour.searchLagMs > 0) continue;
      const known = intent.statusChangedAtMs > indexedAt && intent.statusBefore !== null && behaviour.searchLagMs > 0
        ? { ...intent, status: intent.statusBefore }
        : intent;
      if (matches(known)) found.push(known);
    }
    const has_more = next >= 0;
    const data = found.map((intent) => renderIntent(intent, store.livemode));
    const next_page = has_more ? btoa(String(next)) : null;
    return { object: "search_result", url: "/v1/payment_intents/search", has_more, next_page, data };
  };
}

function parseQuery(query: string): (intent: StoredIntent) => boolean {
  const hasOr = / OR /i.test(query);
  if (hasOr && / AND /i.test(query)) {
    throw invalidParameter("query", { message: "Search queries may not mix AND and OR." });
  }
  const clauses = query.split(hasOr ? / OR /i : / AND /i).map((part) => parseClause(part.trim()));
  return (intent) => hasOr ? clauses.some((clause) => clause(intent)) : clauses.every((clause) => clause(intent));
}

function parseClause(part: string): (intent: StoredIntent) => boolean {
  const match = CLAUSE.exec(part);
  if (match === null) {
    throw invalidParameter("query", { message: `We were unable to parse your search query: ${part}` });
  }
  const [, minus, field, quoted, doubled, operator, single, double, number] = match;
  const value = single ?? double ?? number!;
  const key = quoted ?? doubled;
  const test = (intent: StoredIntent): boolean => {
    if (field === "created") return compared(intent.created, operator!, Number(value));
    if (field === "status") return intent.status === value;
    return intent.metadata[key!] === value;
  };
  return minus === "-" ? (intent) => !test(intent) : test;
}

function compared(left: number, operator: string, right: number): boolean {
  if (operator === "<") return left < right;
  if (operator === "<=") return left <= right;
  if (operator === ">") return left > right;
  return operator === ">=" ? left >= right : left === right;
}
