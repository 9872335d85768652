/** A fenced block of a document. `line` is that of its first line of text, from 1. */
export type Block = { line: number; language: string; marks: string[]; text: string };

/** The fenced blocks of a Markdown text, also those inside lists; their indentation is taken off. */
export function findBlocks(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: (Block & { indent: string }) | undefined;
  markdown.split("\n").forEach((text, n) => {
    const [, indent, info] = text.match(/^(\s*)```(.*)$/) ?? [];
    if (open && info === "") {
      const { indent: _, ...block } = open;
      blocks.push(block);
      open = undefined;
    } else if (open) {
      open.text += `${text.startsWith(open.indent) ? text.slice(open.indent.length) : text}\n`;
    } else if (info !== undefined) {
      const [language = "", ...marks] = info.trim().split(/\s+/);
      open = { line: n + 2, language, marks, text: "", indent: indent! };
    }
  });
  if (open) throw new Error(`Cannot read a fenced block as it never ends: current line is ${open.line}`);
  return blocks;
}

/** Marked as such, or obviously nothing that a local stack could answer; tests/docs/hosted_test.ts looks at these. */
export function isHosted({ marks, text }: Block): boolean {
  return marks.includes("hosted") || /^npx supabase (link|secrets|functions deploy|db push --remote)/m.test(text);
}

/** What a JSON value looks like: names and kinds, without the values. Null fits anything. */
export function shapeOf(value: unknown): unknown {
  if (value === null) return "anything";
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== "object") return typeof value;
  return Object.fromEntries(
    Object.entries(value as object).sort(([a], [b]) => a < b ? -1 : 1).map(([name, it]) => [name, shapeOf(it)]),
  );
}

/** Whether two shapes can be the same thing. */
export function shapesAgree(a: unknown, b: unknown): boolean {
  if (a === "anything" || b === "anything") return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === 0 || b.length === 0 || shapesAgree(a[0], b[0]);
  if (typeof a !== "object" || typeof b !== "object" || Array.isArray(a) !== Array.isArray(b)) return a === b;
  const [names, others] = [Object.keys(a as object), Object.keys(b as object)];
  return names.join() === others.join() &&
    names.every((name) => shapesAgree((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]));
}

/** What a link may lead to within a document: its headings, as GitHub names them, and anchors of its own. */
export function anchorsOf(markdown: string): string[] {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!.toLowerCase().replaceAll(/[^\w\s-]/g, "").replaceAll(" ", "-")
  );
  return [...headings, ...[...markdown.matchAll(/<a id="([\w-]+)">/g)].map(([, id]) => id!)];
}
