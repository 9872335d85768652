// A comment, a string, a quoted name, a dollar-quoted body, a semicolon, or any other character.
const token = /--[^\n]*|\/\*.*?\*\/|'(?:[^']|'')*'|"[^"]*"|(\$\w*\$).*?\1|;|[^]/gs;

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
  return statements.map((text) => text.replace(/\s+/g, " ").trim().toLowerCase()).filter((text) => text !== "");
}

function shorten(text: string): string {
  if (text.startsWith("--") || text.startsWith("/*")) return " ";
  return text.length > 2 && text.startsWith("'") ? "'…'" : text;
}
