import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { REASONS } from "../../../functions/_shared/stripe/reasons.ts";

const folder = new URL("../../../functions/_shared/stripe/", import.meta.url);

Deno.test("every listed reason can be given, so the docs describe nothing that never happens", () => {
  const code = readdirSync(folder)
    .filter((name) => name !== "reasons.ts")
    .map((name) => readFileSync(new URL(name, folder), "utf8"))
    .join("\n");
  assert.deepEqual(Object.keys(REASONS).filter((reason) => !code.includes(`"${reason}"`)), []);
});
