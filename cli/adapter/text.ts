/** Set on every adapter function, so that the caller's search path has no effect. */
export const SETTINGS = "set search_path = pg_catalog, pg_temp";
export const WIDTH = 120;

/** A condition on an order: its key is among the refs of a parameter. The parameter is cast once, not once per row. */
export function isAmong(key: string, parameter: string, { key: { type } }: { key: { type: string } }): string {
  return type === "text"
    ? `${key} = any (${parameter})`
    : `${key} = any ((select lapse_shop.keys(${parameter}))::${type}[])`;
}

/** Joins pieces with the separators that each one brings: on one line if that fits, otherwise on several. */
export function wrap(pieces: string[], { first, then }: { first: string; then: string }): string[] {
  const lines: string[] = [];
  let line = first;
  for (const piece of pieces) {
    if (line !== first && (line + piece).trimEnd().length > WIDTH) {
      lines.push(line.trimEnd());
      line = then;
    }
    line += piece;
  }
  return [...lines, line.trimEnd()];
}

/** Joins pieces into a list. */
export function listed(items: string[]): string[] {
  return items.map((item, index) => index === items.length - 1 ? item : `${item}, `);
}

/** Joins two parts on one line if they fit; otherwise the second follows below, indented. */
export function fit(first: string, second: string): string[] {
  const line = `${first} ${second}`;
  return line.length <= WIDTH ? [line] : [first, `${first.match(/^ */)![0]}  ${second}`];
}
