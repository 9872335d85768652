/** A fault planted on purpose: in `file`, the one place that reads `find` becomes `replace`. `breaks` is what it does to a shop. */
export type Fault = { id: string; file: string; find: string; replace: string; breaks: string; tests?: string[] };

type Row = [id: string, find: string, replace: string, breaks: string, tests?: string[]];

/** The faults of one file. `tests` of a row replace the suite that the file has by itself. */
export function faultsIn(file: string, rows: Row[]): Fault[] {
  return rows.map(([id, find, replace, breaks, tests]) => ({
    id,
    file,
    find,
    replace,
    breaks,
    ...(tests ? { tests } : {}),
  }));
}

/** The file with the fault in it. Throws where the place is gone or not the only one: then the list is older than the code. */
export function plant(fault: Fault, source: string): string {
  const places = source.split(fault.find).length - 1;
  if (places !== 1) {
    throw new Error(
      `Cannot plant ${fault.id} as its place in ${fault.file} is not there once: current value is ${places}`,
    );
  }
  // A function, because a dollar sign in the replacement would mean something.
  return source.replace(fault.find, () => fault.replace);
}
