/** A form value of Stripe's v1 API: brackets make objects, `[]` and `[0]` make arrays. */
export type FormValue = string | FormValue[] | { [key: string]: FormValue };

/** Reads `application/x-www-form-urlencoded` text, as a body or as a query, into nested values. */
export function parseForm(text: string): Record<string, FormValue> {
  const root: Record<string, FormValue> = Object.create(null);
  if (text === "") return root;
  for (const [name, value] of new URLSearchParams(text)) {
    const bracket = name.indexOf("[");
    if (bracket < 0) root[name] = value;
    else place(root, [name.slice(0, bracket), ...keysIn(name.slice(bracket))], value);
  }
  for (const key in root) root[key] = arraysWhereMeant(root[key]!);
  return root;
}

function keysIn(brackets: string): string[] {
  return [...brackets.matchAll(/\[([^\]]*)\]/g)].map((match) => match[1]!);
}

function place(root: Record<string, FormValue>, keys: string[], value: string): void {
  let node = root;
  keys.forEach((key, depth) => {
    const name = key === "" ? String(Object.keys(node).length) : key;
    if (depth === keys.length - 1) node[name] = value;
    else {
      const next = node[name];
      node = (typeof next === "object" ? next : (node[name] = Object.create(null))) as Record<string, FormValue>;
    }
  });
}

/** Objects with the keys 0, 1, 2 … were arrays on the client. */
function arraysWhereMeant(value: FormValue): FormValue {
  if (typeof value === "string") return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, arraysWhereMeant(inner)] as const);
  if (entries.length > 0 && entries.every(([key], index) => key === String(index))) {
    return entries.map(([, inner]) => inner);
  }
  return Object.fromEntries(entries);
}
