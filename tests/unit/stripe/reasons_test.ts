import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { REASONS } from "../../../functions/_shared/stripe/reasons.ts";

const folders = ["_shared/stripe/", "expire-stale-orders/"].map((name) =>
  new URL(`../../../functions/${name}`, import.meta.url)
);

Deno.test("every listed reason can be given, so the docs describe nothing that never happens", () => {
  const code = folders
    .flatMap((folder) => readdirSync(folder).map((name) => new URL(name, folder)))
    .filter(({ pathname }) => !pathname.endsWith("/reasons.ts"))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  assert.deepEqual(Object.keys(REASONS).filter((reason) => !code.includes(`"${reason}"`)), []);
});
