/** A fault planted on purpose: in `file`, the one place that reads `find` becomes `replace`. */
export type Fault = {
  name: string;
  file: string;
  find: string;
  replace: string;
  /** What it does to a shop. */
  what: string;
  /** The tests that must notice, the cheapest first: files or folders below `tests/`; those below `database/` are SQL. */
  suite: string[];
};

type Row = [name: string, find: string, replace: string, what: string, suite?: string[]];

/** The faults of one file. A row may have a suite of its own. */
export function faultsIn(file: string, suite: string[], rows: Row[]): Fault[] {
  return rows.map(([name, find, replace, what, own]) => ({ name, file, find, replace, what, suite: own ?? suite }));
}

/** The place of a fault is gone, or the code that it makes is none: the list is older than the code. */
export class StaleFaultError extends Error {
  override name = "StaleFaultError";
}

/**
 * The file with the fault in it. Where lines break does not matter, so that formatting a file leaves its faults in place.
 *
 * @throws StaleFaultError where the place is gone or not the only one.
 */
export function plant({ name, file, find, replace }: Fault, source: string): string {
  const places = [...source.matchAll(new RegExp(anyLayoutOf(find.trim()), "g"))];
  if (places.length !== 1) {
    throw new StaleFaultError(`Cannot plant ${name}: ${file} has its place ${places.length} times, not once`);
  }
  const [{ 0: found, index }] = places as [RegExpExecArray];
  return source.slice(0, index) + replace + source.slice(index + found.length);
}

/** A pattern for this text, however it is broken into lines. */
function anyLayoutOf(text: string): string {
  return text.split(/(\s+|[()[\]{}])/).map((part) => {
    if (/^\s+$/.test(part)) return "\\s+";
    if (/^[([{]$/.test(part)) return `\\${part}\\s*`;
    if (/^[)\]}]$/.test(part)) return `,?\\s*\\${part}`;
    return part.replace(/[\\^$.*+?|]/g, "\\$&");
  }).join("").replace(/\\s\*\\s\+/g, "\\s*").replace(/\\s\+,\?\\s\*/g, ",?\\s*");
}
