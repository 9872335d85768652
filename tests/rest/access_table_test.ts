import assert from "node:assert/strict";
import { parseAccessTable } from "./access-table.ts";

const heading = `
## Who may do what

| view, function or endpoint | anon | customer | viewer | operator | secret key |
| --- | --- | --- | --- | --- | --- |
`;

Deno.test("the access table is read cell by cell, and each name of a row individually", () => {
  const [one, two, endpoint] = parseAccessTable(
    `${heading}| \`lapse_a\`, \`lapse_b()\` | refused | no rows | read | read | read |
| \`POST a-job\` | refused | refused | refused | call | call |`,
  );
  assert.deepEqual([one!.subject, two!.subject], [
    { kind: "view", name: "lapse_a" },
    { kind: "function", name: "lapse_b" },
  ]);
  assert.deepEqual(Object.values(two!.allowed), [[], ["no rows"], ["read"], ["read"], ["read"]]);
  assert.deepEqual(endpoint!.subject, { kind: "endpoint", method: "POST", name: "a-job" });
});

Deno.test("a word, a name or a heading that cannot be read is an error, not a permission", () => {
  const row = (cell: string) => `${heading}| \`lapse_a\` | ${cell} | no rows | read | read | read |`;
  assert.throws(() => parseAccessTable(row("raed")), /lapse_a/);
  assert.throws(() => parseAccessTable(row("")), /lapse_a/);
  assert.throws(() => parseAccessTable(heading.replace("anon", "anyone")), /heading/);
  assert.throws(() => parseAccessTable(`${heading}| stock | refused | no rows | read | read | read |`), /stock names/);
});
