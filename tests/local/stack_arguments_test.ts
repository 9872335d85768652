import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readStackArguments } from "../../local/stack/arguments.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const MISTAKES: [string[], RegExp][] = [
  [["--port", "x"], /^Cannot use --port x: it is no whole number$/],
  [["--port", "70000"], /^Cannot use --port 70000: it is above 65535$/],
  [["--db-url", "shop"], /^Cannot use --db-url shop: it is no URL that begins with postgres:\/\/ or /],
  [["--db-url", "http://127.0.0.1/shop"], /^Cannot use --db-url /],
  [["--stripe-api-base", "nope"], /^Cannot use --stripe-api-base nope: it is no URL /],
  [["--project", "tests"], /^Cannot use --project tests: it is no folder with a supabase\/config.toml$/],
  [["--force"], /--force/],
];

Deno.test("an option of the stack that cannot be used is refused, by name, before anything starts", () => {
  for (const [args, says] of MISTAKES) assert.throws(() => readStackArguments(args), { message: says });
  const { port, ...rest } = readStackArguments(["--port", "0", "--db-url", "postgresql://me@127.0.0.1/shop", "--json"]);
  assert.deepEqual([port, rest["db-url"], rest.json], [0, "postgresql://me@127.0.0.1/shop", true]);
});

Deno.test("--help explains the stack and the demo", async () => {
  for (const program of ["local/stack/main.ts", "local/demo/main.ts"]) {
    const { code, stdout } = await run(program, ["--help"]);
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: npm run (stack|demo) .*--json\]/);
  }
});

Deno.test("what keeps the stack from starting is one sentence, not a stack trace", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String((taken.addr as Deno.NetAddr).port);
  const busy = await run("local/stack/main.ts", ["--port", port]);
  assert.deepEqual([busy.code, busy.stdout], [1, ""]);
  assert.equal(busy.stderr, `Cannot start the stack on port ${port} as another program has it\n`);
  // Nobody speaks PostgreSQL there any more.
  taken.close();
  const gone = await run("local/stack/main.ts", ["--db-url", `postgres://me:secret@127.0.0.1:${port}/shop`]);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /^Cannot start the stack: .*ECONNREFUSED.*\n$/);
});

Deno.test("options of the stack and the demo that npm consumed are reported", async () => {
  const stack = await run("local/stack/main.ts", [], { npm_lifecycle_event: "stack", npm_config_port: "1" });
  assert.deepEqual([stack.code, stack.stdout], [2, ""]);
  assert.match(stack.stderr, /write npm run stack -- --port 1\n$/);
});

async function run(program: string, args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", "--unstable-no-legacy-abort", program, ...args],
    cwd: root,
    env: { npm_lifecycle_event: "", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}
