import assert from "node:assert/strict";
import { parseAccessTable } from "./access-table.ts";

const heading = `
## Who may do what

| table or function | anon | signed-in user | viewer | operator | secret key |
| --- | --- | --- | --- | --- | --- |
`;

Deno.test("the table of access is read cell by cell", () => {
  const [table, endpoint] = parseAccessTable(`${heading}| \`stock\` | refused | no rows | read | read | read, insert |
| \`POST a-job\` | refused | refused | refused | call | call |`);
  assert.deepEqual(table!.subject, { kind: "table", name: "stock" });
  assert.deepEqual(Object.values(table!.allowed), [[], ["no rows"], ["read"], ["read"], ["read", "insert"]]);
  assert.deepEqual(endpoint!.subject, { kind: "endpoint", method: "POST", name: "a-job" });
});

Deno.test("a word, a name or a heading that cannot be read is an error, not a permission", () => {
  const row = (cell: string) => `${heading}| \`stock\` | ${cell} | no rows | read | read | read |`;
  assert.throws(() => parseAccessTable(row("raed")), /stock/);
  assert.throws(() => parseAccessTable(row("")), /stock/);
  assert.throws(() => parseAccessTable(heading.replace("anon", "anyone")), /heading/);
  assert.throws(() => parseAccessTable(`${heading}| stock | refused | no rows | read | read | read |`), /row is stock/);
});
