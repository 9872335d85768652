// A comment, a string, a quoted name, a dollar-quoted body, a semicolon, or any other character.
const token = /--[^\n]*|\/\*.*?\*\/|'(?:[^']|'')*'|"[^"]*"|(\$\w*\$).*?\1|;|[^]/gs;
const inBodies = /--[^\n]*|\/\*.*?\*\/|'(?:[^']|'')*'|"[^"]*"|[^]/gs;

/**
 * Splits SQL into statements, each on one line in lower case. Comments are dropped, and the bodies of functions and the contents of
 * strings with them, except the empty string: what is left is what a rule about declarations may look at.
 */
export function splitStatements(sql: string): string[] {
  const statements = [""];
  for (const [text, dollar] of sql.matchAll(token)) {
    if (text === ";") statements.push("");
    else statements[statements.length - 1] += dollar ? "$$" : shorten(text);
  }
  return statements.map(oneLine).filter((text) => text !== "");
}

/** All of it on one line in lower case, the bodies of functions too; without comments and the contents of strings. */
export function codeOf(sql: string): string {
  return oneLine([...sql.matchAll(inBodies)].map(([text]) => shorten(text)).join(""));
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim().toLowerCase();
}

function shorten(text: string): string {
  if (text.startsWith("--") || text.startsWith("/*")) return " ";
  return text.length > 2 && text.startsWith("'") ? "'…'" : text;
}
