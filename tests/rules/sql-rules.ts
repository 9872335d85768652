import { codeOf, splitStatements } from "./sql-statements.ts";

/** What a migration declares, by kind and name: a function with the types of its arguments, since it may be overloaded. */
export function declarations(sql: string): string[] {
  return splitStatements(sql).flatMap((statement) => {
    const [, kind, name, rest] = statement.match(
      /^create (?:or replace )?(?:unlogged )?(function|procedure|table|view|type|sequence)(?: if not exists)? ([\w."]+)(.*)$/,
    ) ?? [];
    if (kind === undefined) return [];
    return [
      kind === "function" || kind === "procedure" ? `${kind} ${name}(${argumentTypes(rest!)})` : `${kind} ${name}`,
    ];
  });
}

/** `(p_a text, p_b integer default 1) returns …` as `text, integer`. */
function argumentTypes(rest: string): string {
  const inside = rest.slice(rest.indexOf("(") + 1, closingParenthesis(rest));
  return inside.split(/,(?![^()]*\))/).map((argument) =>
    argument.trim().replace(/^(in|out|inout|variadic) /, "").split(/ default | = /)[0]!.split(" ").slice(1).join(" ")
  ).join(", ");
}

function closingParenthesis(text: string): number {
  let depth = 0;
  for (let i = text.indexOf("("); i < text.length; i++) {
    if (text[i] === "(") depth++;
    if (text[i] === ")" && --depth === 0) return i;
  }
  return text.length;
}

/** Functions without the fixed search path that makes the caller's irrelevant. A procedure that commits cannot have one. */
export function findOpenSearchPaths(sql: string): string[] {
  return functionsIn(sql).filter((text) => !/ set search_path (=|to) pg_catalog, pg_temp\b/.test(text)).map(headOf);
}

/** Functions with their owner's rights that are neither an RPC nor a trigger: nobody else needs more rights than the caller has. */
export function findNeedlessDefiners(sql: string): string[] {
  return functionsIn(sql).filter((text) => / security definer\b/.test(text))
    .filter((text) => !/^create (or replace )?function (public\.lapse_|lapse\.tg_)/.test(text)).map(headOf);
}

function functionsIn(sql: string): string[] {
  return splitStatements(sql).filter((text) => /^create (or replace )?function /.test(text));
}

function headOf(statement: string): string {
  return statement.slice(0, statement.indexOf("(")).replace(/^create (or replace )?function /, "");
}

/** `for update` waits for, and holds up, every row that refers to the locked one by a foreign key. */
export function findKeyLocks(sql: string): string[] {
  return [...codeOf(sql).matchAll(/.{0,60}\bfor update\b/g)].map(([text]) => text);
}

/**
 * Updates and deletions of a whole table. The platform loads pg_safeupdate for the REST API, which refuses them inside functions too, and
 * no test here would notice.
 */
export function findUnconditional(sql: string): string[] {
  const code = codeOf(sql);
  const starts = code.matchAll(/\b(?:update (?:only )?[\w.]+(?: (?:as )?\w+)? set|delete from (?:only )?[\w.]+)\b/g);
  return [...starts].map(({ index }) => statementFrom(code, index)).filter((text) => !/\bwhere\b/.test(outside(text)));
}

/** From here to the end of the statement, or of the parenthesis around it. */
function statementFrom(code: string, start: number): string {
  let depth = 0;
  for (let i = start; i < code.length; i++) {
    if (code[i] === "(") depth++;
    if (code[i] === ")" && --depth < 0) return code.slice(start, i);
    if (depth === 0 && (code[i] === ";" || code.startsWith("$$", i))) return code.slice(start, i);
  }
  return code.slice(start);
}

/** The text without its parentheses, because a subquery's condition is not the statement's. */
function outside(text: string): string {
  let depth = 0;
  return [...text].filter((character) => {
    if (character === ")") depth--;
    const keep = depth === 0;
    if (character === "(") depth++;
    return keep;
  }).join("");
}

/** What a migration names in `public` that is not Lapse's: it must work in any shop. */
export function findForeignNames(sql: string): string[] {
  return [...codeOf(sql).matchAll(/\bpublic\.(?!lapse_)\w+/g)].map(([text]) => text);
}

export function findGrants(sql: string): string[] {
  return splitStatements(sql).filter((text) => /^(grant|revoke|alter default privileges) /.test(text));
}
