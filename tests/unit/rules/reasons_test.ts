import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { QUARANTINE_REASONS, REASONS } from "../../../functions/_shared/rules/reasons.ts";

const root = new URL("../../../", import.meta.url);

function sourcesIn(folder: string): string[] {
  return readdirSync(new URL(folder, root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|sql)$/.test(entry.name) && entry.name !== "reasons.ts")
    .map(({ parentPath, name }) => readFileSync(`${parentPath}/${name}`, "utf8"));
}

Deno.test("every listed reason is used by the functions or by the database", () => {
  const code = [...sourcesIn("functions"), ...sourcesIn("migrations")].join("\n");
  assert.deepEqual(
    Object.keys(REASONS).filter((reason) => !code.includes(`"${reason}"`) && !code.includes(`'${reason}'`)),
    [],
  );
});

Deno.test("every reason is explained in one sentence", () => {
  for (const [reason, sentence] of Object.entries(REASONS)) assert.match(sentence, /^[A-Z].+[^.]\.$/, reason);
});

Deno.test("the quarantine reasons are part of all reasons", () => {
  assert.ok(QUARANTINE_REASONS.includes("foreign_payment"));
  assert.ok(QUARANTINE_REASONS.every((reason) => reason in REASONS));
});
