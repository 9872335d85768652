import assert from "node:assert/strict";
import { generateTypes, typesPath } from "../support/database-types.ts";
import { readText } from "./project-files.ts";

Deno.test("the committed types of the database are those of the migrations", async () => {
  const hint = "run: node local/run.mjs tests/support/database-types.ts";
  assert.ok(await readText(typesPath) === await generateTypes(), `${typesPath} is out of date, ${hint}`);
});
