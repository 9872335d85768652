import assert from "node:assert/strict";
import { commands } from "../../cli/commands.ts";
import { readTarget, type Target } from "../../cli/environment.ts";
import { UsageError } from "../../cli/errors.ts";
import { helpOf } from "../../cli/help.ts";
import { refusalOf, unreachable } from "../../cli/refusals.ts";
import { freePort } from "../../local/postgres/free-port.ts";
import { announceStack } from "../../local/stack/announce.ts";
import { cli, cliJson } from "./command-line.ts";

const ORDER = "0b9c7c1e-7a53-4f5e-8a53-1f2f8f1c0001";
/** A project that nobody may reach: a command that is used wrongly has to stop before it. */
const NOWHERE = { LAPSE_URL: "http://127.0.0.1:9", LAPSE_SECRET_KEY: "sb_secret_test" };

const MISTAKES: [string[], RegExp][] = [
  [["status", "--force"], /^Cannot use --force: the options of status are --runs, --json, --help$/],
  [["status", "--runs", "none"], /^Cannot use --runs: current value is none \(not a whole number\)$/],
  [["status", "now"], /^Cannot use now as an argument of status$/],
  [["status", "--runs"], /^Cannot use --runs without a value: current value is empty$/],
  [["order", "1234"], /^Cannot use ORDER: current value is 1234 \(not the id of an order\)$/],
  [["order"], /^Cannot use ORDER: current value is empty/],
  [["sync", ORDER], /^Cannot sync without --reason TEXT$/],
  [["redrive", ORDER], /^Cannot redrive without --reason TEXT$/],
  [["redrive", ORDER, "--reason", " "], /^Cannot use --reason: current value is .*\(nothing in it\)$/],
  [["declare-dead", "cs_test_1"], /^Cannot declare-dead without --reason TEXT$/],
  [
    ["declare-dead", ORDER, "--reason", "why"],
    /^Cannot use PAYMENT: current value is .* \(not the id of a PaymentIntent/,
  ],
  [
    ["declare-dead", "pi_1", "--reason", "why", "--account", "me"],
    /^Cannot use --account: current value is me \(not the/,
  ],
  [["run:expire", "--limit", "0"], /^Cannot use --limit: current value is 0 \(below 1\)$/],
  [["metrics", "--days", "367"], /^Cannot use --days: current value is 367 \(above 366\)$/],
  [["run:expire", "--wait=yes"], /^Cannot give --wait a value: current value is yes$/],
  [["run:cleanup", "--release-brake"], /^Cannot release the brake without a reason/],
  [["alerts", "--resolve", "7"], /^Cannot resolve an alert without both/],
  [["doctor", "--mode", "prod"], /^Cannot use --mode: current value is prod \(neither live nor test\)$/],
];

Deno.test("a command that is used wrongly says what is wrong, and reaches nothing", async () => {
  const context = { readVariable: () => undefined, connect: () => assert.fail("it connected"), progress: () => {} };
  for (const [[name, ...args], says] of MISTAKES) {
    const command = commands.find((it) => it.name === name)!;
    await assert.rejects(command.run(args, context), (error: Error) => {
      assert.ok(error instanceof UsageError, `${error}`);
      assert.match(error.message, says);
      return true;
    });
  }
});

Deno.test("wrong usage ends with 2, and says so on standard error alone", async () => {
  for (const args of [["explode"], ["status", "--force"]]) {
    const { code, stdout, stderr } = await cli(args, NOWHERE);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^Cannot (run explode: the commands are status, metrics|use --force: the options of status)/);
  }
});

Deno.test("a run whose --dry-run npm kept for itself never begins; --json of an .npmrc is only told", async () => {
  const script = { ...NOWHERE, npm_lifecycle_event: "jobs:run:expire" };
  const kept = await cli(["run:expire"], { ...script, npm_config_dry_run: "true" });
  assert.deepEqual([kept.code, kept.stdout], [2, ""]);
  assert.match(kept.stderr, /^Cannot use --dry-run here as npm took it: write npm run jobs:run:expire -- --dry-run\n$/);
  const configured = await cli(["run:expire"], { ...script, npm_config_json: "true" });
  assert.equal(configured.code, 3, "it did not go on");
  assert.match(configured.stderr, /^npm has --json set .* -- --json\nCannot reach /);
});

Deno.test("with --json an error is one JSON value as well", async () => {
  assert.deepEqual(await cliJson(["order", "1234"], NOWHERE), {
    code: 2,
    json: { error: { code: "usage", message: "Cannot use ORDER: current value is 1234 (not the id of an order)" } },
  });
});

Deno.test("a project that does not answer is named, with what to check, whatever was asked of it", async () => {
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
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
    [["run:expire"], key],
    [["status"], login],
  ];
  await Promise.all(asked.map(async ([args, env]) => {
    const { code, json } = await cliJson(args, env);
    assert.deepEqual([code, json.error.code], [3, "unreachable"], args[0]);
    assert.match(json.error.message, new RegExp(`^Cannot reach ${url}: .*\\. Check LAPSE_URL`), args[0]);
  }));
});

Deno.test("a stack that is gone is told as such, and another server's answer as no usable one", () => {
  const target = (local: boolean) =>
    ({ url: "http://127.0.0.1:4000", local, credentials: { kind: "login" } }) as Target;
  assert.match(unreachable("fetch failed", target(true)).message, /fetch failed\. If the stack .* npm run stack$/);
  const page = refusalOf({ code: null, message: "<html>".repeat(1_000), status: 404 }, target(false));
  assert.match(page.message, /^http:\/\/127\.0\.0\.1:4000 gave no usable answer \(404\): .*\. Check LAPSE_URL/);
  assert.ok(page.message.length < 500);
});

Deno.test("every command explains itself, its options and the exit codes", async () => {
  const overview = await cli(["--help"]);
  assert.equal(overview.code, 0);
  for (const command of commands) {
    assert.ok(overview.stdout.includes(`jobs:${command.name} `), `${command.name} is not in the overview`);
    const help = helpOf(command);
    for (const option of [...Object.keys(command.options), "json"]) assert.ok(help.includes(`--${option}`), option);
    assert.match(help, /Exit codes\n {2}0 /);
    for (const name of ["JOBS_SCHEDULER_SECRET", "STRIPE_SECRET_KEY"]) assert.ok(help.includes(name), name);
  }
  const { code, stdout } = await cli(["sync", "--help"]);
  assert.equal(code, 0);
  assert.match(stdout, /^Usage: npm run --silent jobs:sync -- ORDER \[options\]\n/);
});

Deno.test("npm has a script for each command", async () => {
  const { scripts } = JSON.parse(await Deno.readTextFile(new URL("../../package.json", import.meta.url)));
  const jobs = Object.entries(scripts).filter(([name]) => name.startsWith("jobs:"));
  const expected = commands.map(({ name }) => [`jobs:${name}`, `node local/run.mjs cli/main.ts ${name}`]);
  assert.deepEqual(jobs.sort(), expected.sort());
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
  assert.throws(() => readTarget(read, file), /^UsageError: Cannot read .*stack\.json: start the local stack anew$/);
  await Deno.remove(file);
});

Deno.test("a project's address and credentials are complete or refused, and a local key never goes elsewhere", () => {
  const read = (variables: Record<string, string>) => () => readTarget((name) => variables[name]);
  assert.throws(read({ LAPSE_URL: "http://shop.example" }), /not https/);
  assert.throws(read({ LAPSE_URL: "https://shop.supabase.co" }), /Cannot sign in: set LAPSE_SECRET_KEY/);
  assert.throws(read({ LAPSE_URL: "https://shop.supabase.co", LAPSE_EMAIL: "a@b.c" }), /all of LAPSE_EMAIL/);
  const hosted = read({ LAPSE_URL: "https://shop.supabase.co/", LAPSE_SECRET_KEY: "sb_secret_1" })();
  assert.equal(hosted.url, "https://shop.supabase.co");
  assert.deepEqual(hosted.doctor.stripeSecretKey, undefined);
  assert.equal(hosted.doctor.stripeApiBase, "https://api.stripe.com");
});
