/** The width of a line. */
export const WIDTH = 80;

const BAR = 28;

/** A progress bar that is redrawn in place. In a pipe or a log it is printed only at the end. */
export function createBar(write = writeToTerminal) {
  return {
    show(done: number, all: number, text: string): void {
      const full = Math.min(BAR, Math.round(done / Math.max(all, 1) * BAR));
      write(`  ${"█".repeat(full)}${"░".repeat(BAR - full)}  ${text}`);
    },
    /** Removes the bar; its result is printed as an ordinary line. */
    clear: () => write(""),
  };
}

function writeToTerminal(line: string): void {
  if (Deno.stdout.isTerminal()) Deno.stdout.writeSync(new TextEncoder().encode(`\r${line.slice(0, WIDTH)}\x1b[K`));
}

/**
 * Aligns rows below their column names, with numbers to the right. The text of a last column that is too long continues
 * below.
 */
export function table(rows: Record<string, string | number>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => String(row[column]).length)));
  const indent = 2 + widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  widths[widths.length - 1] = Math.min(widths.at(-1)!, WIDTH - indent);
  const line = (cells: (string | number)[]) =>
    cells.map((cell, n) => typeof cell === "number" ? String(cell).padStart(widths[n]!) : cell.padEnd(widths[n]!))
      .join("  ").trimEnd();
  const lines = rows.flatMap((row) => {
    const cells = columns.map((column) => row[column]!);
    const [first = "", ...rest] = wrap(cells.at(-1)!, widths.at(-1)!);
    return [`  ${line([...cells.slice(0, -1), first])}`, ...rest.map((text) => " ".repeat(indent) + text)];
  });
  return [`  ${line(columns)}`, `  ${widths.map((width) => "─".repeat(width)).join("  ")}`, ...lines].join("\n");
}

function wrap(cell: string | number, width: number): (string | number)[] {
  if (typeof cell === "number") return [cell];
  const lines: string[] = [];
  for (const word of cell.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Wraps a paragraph. */
export function paragraph(text: string): string {
  return wrap(text, WIDTH).join("\n");
}
