import assert from "node:assert/strict";
import { judgeClocks } from "../../cli/doctor/stripe.ts";
import { refusalOf, RefusedError, unreachable, UsageError } from "../../cli/errors.ts";
import { commands } from "../../cli/main.ts";
import { readTarget, type Target } from "../../cli/target.ts";
import { announceStack } from "../../local/stack/announce.ts";
import { cli, cliJson } from "./command-line.ts";
import { NOBODY } from "../support/nobody.ts";

/** A project that must not be called: a command with wrong usage must stop before. */
const NOWHERE = { LAPSE_URL: "http://127.0.0.1:9", LAPSE_SECRET_KEY: "sb_secret_test" };

const MISTAKES: [string, string[], RegExp][] = [
  ["status", ["--force"], /^Cannot use --force: the options of status are --runs, --json, --help$/],
  ["status", ["--runs", "none"], /^Cannot use --runs none: it is not a whole number from 1 to 100$/],
  ["status", ["now"], /^Cannot use now: status takes no argument$/],
  ["status", ["--runs"], /^Cannot use --runs: it needs N after it$/],
  ["status", ["--toString", "x"], /^Cannot use --toString: the options of status are/],
  ["order", [], /^Cannot run order: REF is missing\nUsage: npm run --silent lapse -- order REF \[options\]$/],
  ["order", ["a", "b"], /^Cannot use b: order takes one argument, REF$/],
  ["order", [""], /^Cannot use REF: it is empty$/],
  ["orders", ["--due", "--waiting"], /^Cannot list orders: --waiting and --due exclude each other\. Give one of them$/],
  ["sync", ["1042"], /^Cannot run sync: --reason TEXT is missing\nUsage: .* -- sync REF \[options\]$/],
  ["redrive", ["1042"], /^Cannot run redrive: --reason TEXT is missing\n/],
  ["redrive", ["1042", "--reason", " "], /^Cannot use --reason: it is empty$/],
  ["resolve", ["1042", "--reason", "why"], /^Cannot run resolve: --as paid\|expired is missing\n/],
  ["resolve", ["1042", "--as", "refunded", "--reason", "why"], /^Cannot use --as refunded: it is neither paid nor/],
  ["declare-dead", ["cs_test_1"], /^Cannot run declare-dead: --reason TEXT is missing\n/],
  ["declare-dead", ["1042", "--reason", "why"], /^Cannot use PAYMENT 1042: it is not the id of a PaymentIntent/],
  ["declare-dead", ["pi_1_secret_2", "--reason", "why"], /^Cannot use PAYMENT .*: it is a client secret\./],
  ["run expire", ["--limit", "0"], /^Cannot use --limit 0: it is not a whole number from 1 to 100000$/],
  ["run expire", ["--wait=yes"], /^Cannot use --wait=yes: --wait takes no value$/],
  ["run cleanup", ["--release-brake"], /^Cannot release the brake: --reason TEXT is missing$/],
  ["runs", ["last"], /^Cannot use ID last: it is not the id of a run$/],
  ["runs", [crypto.randomUUID(), "--job", "expire"], /^Cannot list runs: --job and the id of one run exclude/],
  ["runs", ["--job", "both"], /^Cannot use --job both: it is not one of expire, cleanup$/],
  ["metrics", ["--days", "367"], /^Cannot use --days 367: it is not a whole number from 1 to 366$/],
  ["alerts", ["--resolve", "7"], /^Cannot resolve an alert: --reason TEXT is missing$/],
  ["adapter", ["--orders", ""], /^Cannot use --orders: it is empty$/],
  ["doctor", ["--mode", "prod"], /^Cannot use --mode prod: it is neither live nor test$/],
];

Deno.test("a command with wrong usage says what is wrong and calls nothing", async () => {
  const context = { connect: () => assert.fail("it connected"), progress: () => {} };
  for (const [name, args, says] of MISTAKES) {
    const command = commands.find((it) => it.name === name)!;
    await assert.rejects(command.run(args, context), (error: Error) => {
      assert.ok(error instanceof UsageError, `${error}`);
      assert.match(error.message, says);
      return true;
    });
  }
});

Deno.test("wrong usage ends with 2 and says so on standard error alone; with --json as one JSON value", async () => {
  for (const args of [["explode"], ["run"], ["run", "away"], ["status", "--force"]]) {
    const { code, stdout, stderr } = await cli(args, NOWHERE);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(
      stderr,
      /^Cannot (run (explode|run): the commands are status, alerts|use --force: the options of status)/,
    );
  }
  const message = "Cannot use --runs none: it is not a whole number from 1 to 100";
  const answer = await cliJson(["status", "--runs", "none"], NOWHERE);
  assert.deepEqual(answer, { code: 2, json: { error: { code: "usage", message } } });
});

Deno.test("a run whose --dry-run npm consumed never begins; a --json from .npmrc is only reported", async () => {
  const kept = { ...NOWHERE, npm_config_dry_run: "true" };
  for (const [script, words] of [["lapse", "run expire --limit 3 "], ["jobs:run:expire", ""]] as const) {
    const { code, stdout, stderr } = await cli(["run", "expire", "--limit", "3"], {
      ...kept,
      npm_lifecycle_event: script,
    });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.equal(stderr, `Cannot use --dry-run here as npm took it: write npm run ${script} -- ${words}--dry-run\n`);
  }
  const configured = { ...NOWHERE, npm_lifecycle_event: "lapse", npm_config_json: "true" };
  const { code, stderr } = await cli(["run", "expire"], configured);
  assert.equal(code, 3, "it did not go on");
  assert.match(stderr, /^npm has --json set .* -- run expire --json\nCannot reach /);
});

Deno.test("an unreachable project is named, with what to check, for every command", async () => {
  const url = `http://${NOBODY}`;
  const key = { LAPSE_URL: url, LAPSE_SECRET_KEY: "sb_secret_test" };
  const login = {
    LAPSE_URL: url,
    LAPSE_EMAIL: "a@b.c",
    LAPSE_PASSWORD: "x",
    LAPSE_PUBLISHABLE_KEY: "sb_publishable_x",
  };
  const asked: [string[], Record<string, string>][] = [
    [["alerts"], key],
    [["doctor"], key],
    [["run", "expire"], key],
    [["status"], login],
  ];
  await Promise.all(asked.map(async ([args, env]) => {
    const { code, json } = await cliJson(args, env);
    assert.deepEqual([code, json.error.code], [3, "unreachable"], args[0]);
    assert.match(json.error.message, new RegExp(`^Cannot reach ${url}: .*\\. Check LAPSE_URL`), args[0]);
  }));
});

Deno.test("the database's refusals are shown in its words; a stopped stack and another server's answer are recognised", () => {
  const target = (local: boolean) =>
    ({ url: "http://127.0.0.1:4000", local, credentials: { kind: "login" } }) as Target;
  const said = refusalOf({ code: "PT409", message: "Cannot redrive order 7: it is paid", status: 409 }, target(true));
  assert.ok(said instanceof RefusedError);
  assert.equal(said.message, "Cannot redrive order 7: it is paid");
  assert.match(unreachable("fetch failed", target(true)).message, /fetch failed\. If the stack .* npm run stack$/);
  const page = refusalOf({ code: null, message: "<html>".repeat(1_000), status: 404 }, target(false));
  assert.match(page.message, /^Cannot use the answer of http:\/\/127\.0\.0\.1:4000 \(404\): .*\. Check LAPSE_URL/);
  assert.ok(page.message.length < 700);
});

Deno.test("every command explains itself, its options and the exit codes", async () => {
  const { code, stdout } = await cli(["--help"]);
  assert.equal(code, 0);
  for (const { name } of commands) assert.match(stdout, new RegExp(`\n  ${name} `), `${name} is not in the help`);
  assert.match(stdout, /Exit codes\n {2}0 /);
  for (const variable of ["LAPSE_SCHEDULER_SECRET", "STRIPE_SECRET_KEY"]) {
    assert.ok(stdout.includes(variable), variable);
  }
  assert.ok(stdout.split("\n").every((line) => line.length <= 80), stdout);
  await Promise.all(commands.map(async ({ name, argument, options }) => {
    const help = (await cli([...name.split(" "), "--help"])).stdout;
    assert.ok(help.startsWith(`Usage: npm run --silent lapse -- ${name}${argument ? ` ${argument}` : ""} [options]\n`));
    for (const option of [...Object.keys(options), "json"]) assert.ok(help.includes(`--${option}`), option);
    assert.ok(help.split("\n").every((line) => line.length <= 80), help);
    // The environment and the exit codes are explained once.
    assert.match(help, /npm run --silent lapse -- --help\n$/);
  }));
});

Deno.test("without a command and a project it says what is missing and lists the commands", async () => {
  const { code, stdout, stderr } = await cli([], { LAPSE_URL: "https://shop.supabase.co" });
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^Cannot sign in: .*\n\nUsage: npm run --silent lapse -- \[COMMAND\]/);
});

Deno.test("package.json has the command and the scripts of both jobs", async () => {
  const { scripts } = JSON.parse(await Deno.readTextFile(new URL("../../package.json", import.meta.url)));
  const own = Object.fromEntries(
    Object.entries(scripts).filter(([, script]) => String(script).includes("cli/main.ts")),
  );
  assert.deepEqual(own, {
    "lapse": "node local/run.mjs cli/main.ts",
    "jobs:run:cleanup": "node local/run.mjs cli/main.ts run cleanup",
    "jobs:run:expire": "node local/run.mjs cli/main.ts run expire",
  });
});

Deno.test("without an environment it talks to the local stack that runs, and says so if none does", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.remove(file);
  const read = () => undefined;
  assert.throws(() => readTarget(read, file), /start the local stack with npm run stack/);
  const stack = {
    apiUrl: "http://127.0.0.1:4000",
    secretKey: "sb_secret_local",
    publishableKey: "sb_publishable_local",
    schedulerSecret: "scheduler",
    stripeApiBase: "http://127.0.0.1:4001",
  };
  const announced = await announceStack(stack, file);
  const target = readTarget(read, file);
  assert.equal(target.url, stack.apiUrl);
  assert.deepEqual(target.credentials, { kind: "key", secretKey: "sb_secret_local" });
  assert.deepEqual([target.doctor.schedulerSecret, target.doctor.stripeApiBase], ["scheduler", stack.stripeApiBase]);
  const halfLogin = (name: string) => ({ LAPSE_EMAIL: "a@b.c", LAPSE_PASSWORD: "x" })[name];
  assert.throws(() => readTarget(halfLogin, file), /all of LAPSE_EMAIL/, "the stack's key took the place of a login");
  assert.equal((await Deno.stat(file)).mode! & 0o077, 0, "others may read the keys");
  await announced[Symbol.asyncDispose]();
  assert.throws(() => readTarget(read, file), /start the local stack/);
  await Deno.writeTextFile(file, "{ half");
  assert.throws(
    () => readTarget(read, file),
    /^UsageError: Cannot read .*stack\.json: it is damaged\. Start the local/,
  );
  await Deno.remove(file);
});

Deno.test("a project's address and credentials are complete or refused, and a local key never goes elsewhere", () => {
  const read = (variables: Record<string, string>) => () => readTarget((name) => variables[name]);
  assert.throws(read({ LAPSE_URL: "http://shop.example" }), /not https/);
  assert.throws(read({ LAPSE_URL: "https://shop.supabase.co" }), /Cannot sign in: .* Set LAPSE_SECRET_KEY/);
  assert.throws(read({ LAPSE_URL: "https://shop.supabase.co", LAPSE_EMAIL: "a@b.c" }), /all of LAPSE_EMAIL/);
  const hosted = read({ LAPSE_URL: " https://shop.supabase.co/ ", LAPSE_SECRET_KEY: " sb_secret_1\n" })();
  assert.deepEqual([hosted.url, hosted.credentials], [
    "https://shop.supabase.co",
    { kind: "key", secretKey: "sb_secret_1" },
  ]);
  assert.deepEqual(hosted.doctor.stripeSecretKey, undefined);
  assert.equal(hosted.doctor.stripeApiBase, "https://api.stripe.com");
});

Deno.test("two clocks that agree identify the wrong one; without Stripe's, one of two is wrong", () => {
  const at = (time: string) => new Date(`2026-11-22T${time}Z`);
  const [noon, soon, late] = [at("12:00:00"), at("12:00:03"), at("12:05:00")];
  assert.equal(judgeClocks({ here: noon, database: soon, stripe: noon }).status, "ok");
  assert.equal(judgeClocks({ here: noon, database: soon, stripe: null }).status, "ok");
  assert.match(judgeClocks({ here: late, database: noon, stripe: noon }).what, /^this machine's clock is wrong/);
  assert.match(judgeClocks({ here: noon, database: late, stripe: noon }).what, /^the database's clock is wrong/);
  assert.match(judgeClocks({ here: noon, database: noon, stripe: late }).what, /^Stripe's clock is wrong/);
  const unsure = judgeClocks({ here: noon, database: late, stripe: null });
  assert.equal(unsure.status, "fault");
  assert.match(unsure.fix!, /which of the two/);
});
