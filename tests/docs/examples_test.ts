import assert from "node:assert/strict";
import { benches } from "../../bench/benches.ts";
import { filesBelow } from "../support/runner/files.ts";
import { readText } from "../rules/project-files.ts";
import { type Block, findBlocks, isHosted, shapeOf, shapesAgree } from "./blocks.ts";
import { checkTypes, runBlock } from "./run-block.ts";
import { withShopOfExamples } from "./shop-of-examples.ts";

const documents = ["README.md", ...await filesBelow("docs", ".md")];
const { scripts } = JSON.parse(await readText("package.json")) as { scripts: Record<string, string> };

/** What every test of a fresh clone does anyway, and benches: tests/bench runs all of them, on toys, and a missed goal is no failed test. */
function isRunElsewhere({ text }: Block): boolean {
  return text.trim().split("\n").every((line) => /^npm (install|run demo|run stack|run bench|test)\b/.test(line));
}

Deno.test("the documents name only existing benches", async () => {
  const text = (await Promise.all(documents.map(readText))).join("\n");
  const named = [...text.matchAll(/^npm run bench -- ([^#\n]+)/gm)].flatMap(([, words]) => words!.trim().split(/ +/))
    .filter((word) => !word.startsWith("--"));
  assert.ok(named.length > 0);
  const known = benches.flatMap(({ name, also = [] }) => [name, ...also]);
  assert.deepEqual(named.filter((name) => !known.includes(name)), []);
});

Deno.test("the documents name only existing npm scripts", async () => {
  const text = (await Promise.all(documents.map(readText))).join("\n");
  const named = [...text.matchAll(/\bnpm run (?:--silent )?(\w[\w:-]*)/g)].map(([, name]) => name!);
  assert.deepEqual([...new Set(named.filter((name) => !(name in scripts)))], []);
});

Deno.test("the examples in TypeScript have no type errors", async () => {
  const blocks = (await Promise.all(documents.map(readText))).flatMap(findBlocks);
  const examples = blocks.filter(({ language }) => language === "ts").map(({ text }) => text);
  assert.ok(examples.length > 4);
  await checkTypes(examples);
});

for (const path of documents) {
  const blocks = findBlocks(await readText(path));
  const examples = blocks.filter((block) =>
    ["bash", "ts", "sql"].includes(block.language) && !isHosted(block) && !isRunElsewhere(block)
  );
  if (examples.length === 0) continue;
  Deno.test(`the examples of ${path} do what it says`, async (t) => {
    await withShopOfExamples(async (surroundings) => {
      for (const example of examples) {
        await t.step({
          name: `${path}:${example.line}`,
          fn: async () => compare(await runBlock(example, surroundings), example, blocks[blocks.indexOf(example) + 1]),
        });
      }
    });
  });
}

/** A JSON block right after an example shows its answer; a block marked `says=word` must print the word. */
function compare(printed: string, { marks }: Block, next: Block | undefined): void {
  for (const mark of marks.filter((it) => it.startsWith("says="))) {
    assert.ok(printed.includes(mark.slice("says=".length)), `${mark}, but it was ${printed}`);
  }
  if (next?.language !== "json") return;
  const [shown, got] = [shapeOf(JSON.parse(next.text)), shapeOf(JSON.parse(printed))];
  assert.ok(shapesAgree(shown, got), `the document shows ${next.text}, the answer was ${printed}`);
}
