import assert from "node:assert/strict";
import { ROOMS } from "../mutation/faults/rooms.ts";
import { KNOWN_FAULTS, type KnownFault } from "./known_faults.ts";
import { readText } from "./project-files.ts";

const planted = new Set(Object.values(ROOMS).flat().map(({ name }) => name));

Deno.test("each fault of the first version names existing tests, and how they were seen to fail", async () => {
  const problems = await Promise.all(KNOWN_FAULTS.map((row) => problemsOf(row)));
  assert.deepEqual(problems.flat(), []);
  assert.equal(new Set(KNOWN_FAULTS.map(({ input }) => input)).size, KNOWN_FAULTS.length);
});

Deno.test("the rule about known faults sees a test that was renamed or removed, and one that never failed", async () => {
  const row = { input: "x", right: "y", relatives: "z" };
  const own = "rules/known_faults_test.ts";
  assert.deepEqual(
    await problemsOf({ ...row, tests: [[own, "the rule about known faults sees"]], seen: "broken" }),
    [],
  );
  const odd: KnownFault[] = [
    { ...row, tests: [], seen: "broken" },
    { ...row, tests: [[own, ["no test", "has this name"].join(" ")]], seen: "broken" },
    { ...row, tests: [[own]], seen: "broken" },
    { ...row, tests: [["rules/gone_test.ts", "anything"]], seen: "broken" },
    { ...row, tests: [["database/gone.test.sql"]], seen: "broken" },
    { ...row, tests: [[own, "the rule about known faults sees"]], planted: ["never-planted"] },
    { ...row, tests: [[own, "the rule about known faults sees"]] },
  ];
  for (const it of odd) assert.equal((await problemsOf(it)).length, 1, JSON.stringify(it));
});

async function problemsOf({ input, tests, planted: names = [], seen }: KnownFault): Promise<string[]> {
  const problems = tests.length === 0 ? ["there is no test"] : [];
  for (const [file, words] of tests) {
    const text = await readText(`tests/${file}`).catch(() => null);
    if (text === null) problems.push(`${file} is gone`);
    else if (words === undefined ? !file.endsWith(".sql") : !isInString(text, words)) {
      problems.push(`${file} has no test "${words}"`);
    }
  }
  problems.push(...names.filter((name) => !planted.has(name)).map((name) => `nobody plants ${name}`));
  if (names.length === 0 && seen === undefined) problems.push("nobody saw its test fail");
  return problems.map((it) => `${input}: ${it}`);
}

/** Whether the words are in one line between quotes, like the name of a test or of a row that becomes one. */
function isInString(text: string, words: string): boolean {
  return text.split("\n").some((line) => {
    const at = line.indexOf(words);
    return at > 0 && /["`]/.test(line.slice(0, at)) && /["`]/.test(line.slice(at + words.length));
  });
}
