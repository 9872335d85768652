/** Reads the table "Who may do what" of docs/API_ROUTES.md: what every caller may do with every view, function and endpoint. */

export const CALLERS = ["anon", "customer", "viewer", "operator", "secret key"] as const;
export type Caller = (typeof CALLERS)[number];

const WORDS = ["refused", "no rows", "read", "call"] as const;
export type Word = (typeof WORDS)[number];

export type Subject =
  | { kind: "view"; name: string }
  | { kind: "function"; name: string }
  | { kind: "endpoint"; method: string; name: string };

export type AccessRow = { subject: Subject; allowed: Record<Caller, Word[]> };

/**
 * One row per subject: a line of the table may name several.
 *
 * @throws for a word or a heading it does not know: a table that is misread would prove nothing.
 */
export function parseAccessTable(markdown: string): AccessRow[] {
  const [, section] = markdown.split("\n## Who may do what\n");
  const lines = (section ?? "").split("\n## ")[0]!.split("\n").filter((line) => line.startsWith("|"));
  const [heading, , ...rows] = lines.map(cellsOf);
  if (heading?.join("; ") !== ["view, function or endpoint", ...CALLERS].join("; ")) {
    throw new Error(`Cannot read the table of access: its heading is ${heading?.join("; ")}`);
  }
  return rows.flatMap(([names, ...cells]) => {
    const allowed = Object.fromEntries(CALLERS.map((caller, n) => [caller, wordsOf(cells[n] ?? "", names!)]));
    return names!.split(", ").map((name) => ({ subject: subjectOf(name), allowed: allowed as AccessRow["allowed"] }));
  });
}

function cellsOf(line: string): string[] {
  return line.split("|").slice(1, -1).map((cell) => cell.trim());
}

function subjectOf(cell: string): Subject {
  const [, text] = cell.match(/^`(.+)`$/) ?? [];
  const [, method, endpoint] = text?.match(/^(GET|POST) ([a-z-]+)$/) ?? [];
  if (method && endpoint) return { kind: "endpoint", method, name: endpoint };
  const [, name, call] = text?.match(/^([a-z_]+)(\(\))?$/) ?? [];
  if (!name) throw new Error(`Cannot read the table of access: ${cell} names nothing`);
  return { kind: call ? "function" : "view", name };
}

function wordsOf(cell: string, row: string): Word[] {
  const words = cell.split(", ").map((word) => {
    const known = WORDS.find((it) => it === word);
    if (!known) throw new Error(`Cannot read the table of access: ${row} has a cell that says ${cell}`);
    return known;
  });
  return words.includes("refused") ? [] : words;
}
