import assert from "node:assert/strict";
import { isOpen, withFunctions, withoutFunctions } from "../../cli/install/config-file.ts";
import { nextVersion } from "../../cli/install/stamps.ts";

const LAPSES = ["expire-stale-orders", "lapse-health"];
const SECTIONS = `
# Lapse
[functions.expire-stale-orders]
verify_jwt = false
[functions.lapse-health]
verify_jwt = false
`;

const APPENDED: Record<string, string> = {
  "sections and comments": `# mine\nproject_id = "x" # id\n\n[functions.hello]\nverify_jwt = true # keep\n\n[auth]\n`,
  "no functions": `project_id = "x"\n`,
  "CRLF": `project_id = "x"\r\n[api]\r\nport = 1\r\n`,
  "no line end": `project_id = "x"`,
  "an empty file": "",
  "a section of inline tables": `project_id = "x"\n[functions]\nhello = { verify_jwt = false }\n\n[api]\nport = 1\n`,
  "dotted keys, dates and hexadecimal numbers":
    `functions.hello.verify_jwt = false\n[api]\nport = 0x10\nat = 1979-05-27T07:32:00Z\nbig = 9007199254740993\nlist = [1,\n 2, # two\n]\n`,
};

for (const [name, text] of Object.entries(APPENDED)) {
  Deno.test(`config.toml with ${name}: sections are appended and nothing before them changes; without them it is as it was`, () => {
    const changed = withFunctions("config.toml", text, LAPSES);
    assert.ok(changed.startsWith(text));
    assert.equal(changed.slice(text.length).replaceAll("\r\n", "\n").trimStart(), SECTIONS.trimStart());
    assert.equal(changed.includes("\r\n"), text.includes("\r\n"));
    assert.ok(LAPSES.every((slug) => isOpen("config.toml", changed, slug)));
    assert.equal(withFunctions("config.toml", changed, LAPSES), changed);
    assert.equal(withoutFunctions("config.toml", changed, LAPSES), text);
  });
}

Deno.test("functions in one inline table get theirs inside it", () => {
  const text = `project_id = "x"\nfunctions = { hello = { verify_jwt = true } } # all of them\n\n[api]\nport = 1\n`;
  const changed = withFunctions("config.toml", text, LAPSES);
  assert.equal(
    changed,
    text.replace(
      "{ hello = { verify_jwt = true } }",
      "{ hello = { verify_jwt = true }, expire-stale-orders = { verify_jwt = false }, lapse-health = { verify_jwt = false } }",
    ),
  );
  assert.equal(withoutFunctions("config.toml", changed, LAPSES), text);
});

Deno.test("sections that were moved or edited are removed, and everything beside them stays", () => {
  const text =
    `[functions.lapse-health]\nverify_jwt = false\nimport_map = "x"\n\n[functions.hello]\nverify_jwt = true # keep\n`;
  assert.equal(withoutFunctions("config.toml", text, LAPSES), `[functions.hello]\nverify_jwt = true # keep\n`);
});

Deno.test("config.json keeps its comments, order and indentation", () => {
  const text =
    `{\n\t// mine\n\t"project_id": "x",\n\t"functions": {\n\t\t"hello": { "verify_jwt": true }\n\t},\n\t"api": {}\n}\n`;
  const changed = withFunctions("config.jsonc", text, LAPSES);
  const added = LAPSES.map((slug) => `,\n\t\t"${slug}": { "verify_jwt": false }`).join("");
  assert.equal(changed, text.replace(`"hello": { "verify_jwt": true }`, (it) => it + added));
  assert.ok(LAPSES.every((slug) => isOpen("config.jsonc", changed, slug)));
  assert.equal(withoutFunctions("config.jsonc", changed, LAPSES), text);
  for (const bare of [`{\n  "project_id": "x"\n}\n`, `{}`, `{"project_id":"x"}`, `{ "functions": { "a": {} } }\r\n`]) {
    assert.equal(withoutFunctions("config.json", withFunctions("config.json", bare, LAPSES), LAPSES), bare);
  }
});

Deno.test("a configuration that cannot be read, or not changed without touching anything else, is refused", () => {
  assert.throws(() => withFunctions("config.toml", "[api\n", LAPSES), /Cannot read supabase\/config\.toml/);
  assert.throws(() => withFunctions("config.json", "[]", LAPSES), /Cannot read supabase\/config\.json/);
  assert.throws(() => withFunctions("config.toml", `functions = 7\n`, LAPSES), /nothing was written/i);
});

Deno.test("a new migration comes after all others, as the Supabase CLI sorts them", () => {
  const now = new Date("2026-11-30T08:09:10Z");
  const after: [taken: string[], version: string][] = [
    [[], "20261130080910"],
    [["20260101000000"], "20261130080910"],
    [["20261130080910"], "20261130080911"],
    [["20270101235959", "20260101000000"], "20270102000000"],
    [["20269999999999"], "20270000000000"],
    [["99999999999999"], "999999999999991"],
    [["001", "002"], "003"],
    [["0099"], "0100"],
    [["1", "10", "2", "9"], "91"],
    [["001", "20260101000000"], "20261130080910"],
    [["20261130"], "20261131"],
  ];
  for (const [taken, version] of after) {
    const next = nextVersion(taken, now);
    assert.equal(next, version);
    assert.ok(taken.every((it) => it < next));
  }
});
