import { join } from "node:path";
import type postgres from "postgres";
import { root } from "../support/runner/program.ts";
import type { Block } from "./blocks.ts";

/** What the examples find: the variables of docs/API_ROUTES.md and docs/payments-ops.md. */
export type Surroundings = { sql: postgres.Sql; env: Record<string, string> };

/** Runs one example and answers what it printed. Throws, with everything it said, if it fails. */
export async function runBlock(block: Block, { sql, env }: Surroundings): Promise<string> {
  switch (block.language) {
    case "sql":
      return JSON.stringify(await sql.unsafe(block.text).simple());
    case "bash":
      // npm looks for package.json here, and curl must not hide what it got.
      return await run("bash", ["-euo", "pipefail", "-c", block.text], env, exitCodesOf(block));
    case "ts":
      return await runTypeScript(block.text, env);
    default:
      throw new Error(`Cannot run an example in this language: current value is ${block.language}`);
  }
}

/** An example may bring its own imports; what it does not name itself it finds ready: clients, keys, a Stripe client. */
const PREAMBLE = `
import { createClient as connect } from "@supabase/supabase-js";
import StripeClient from "stripe";
const environment = Deno.env.toObject();
const [API_URL, PUBLISHABLE_KEY, SECRET_KEY] = [environment.API_URL!, environment.PUBLISHABLE_KEY!, environment.SECRET_KEY!];
const [EMAIL, PASSWORD] = [environment.EMAIL!, environment.PASSWORD!];
const options = { auth: { persistSession: false, autoRefreshToken: false } };
const supabase: any = connect(API_URL, SECRET_KEY, options);
const operator: any = connect(API_URL, PUBLISHABLE_KEY, options);
await operator.auth.signInWithPassword({ email: EMAIL, password: PASSWORD });
const at = new URL(environment.STRIPE_API_BASE!);
const stripe = new StripeClient("sk_test_local", { host: at.hostname, port: at.port, protocol: "http" });
void [EMAIL, PASSWORD, supabase, operator, stripe];
`;

/** Looks at the types of all these examples at once, as looking at each would take minutes. Throws with what is wrong. */
export async function checkTypes(examples: string[]): Promise<void> {
  await withFiles(examples, async (paths) => {
    await run(Deno.execPath(), ["check", "--quiet", config, ...paths], {});
  });
}

async function runTypeScript(text: string, env: Record<string, string>): Promise<string> {
  return await withFiles([text], async ([path]) => {
    return await run(Deno.execPath(), ["run", "-A", "--quiet", "--no-check", config, path!], env);
  });
}

const config = `--config=${join(root, "deno.json")}`;

async function withFiles<T>(examples: string[], use: (paths: string[]) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "lapse-examples-" });
  try {
    const paths = examples.map((_, n) => join(folder, `example-${n}.ts`));
    for (const [n, text] of examples.entries()) await Deno.writeTextFile(paths[n]!, asProgram(text));
    return await use(paths);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The example in a block of its own, so that it may use a name of the preamble for something else. */
function asProgram(text: string): string {
  const imports = text.match(/^import .*$/gm) ?? [];
  return `${imports.join("\n")}\n${PREAMBLE}\n{\n${text.replaceAll(/^import .*$/gm, "")}\n}\nDeno.exit(0);\n`;
}

/** A block marked `exit=0,1` may end with either, because some commands exit with 1 if something needs attention. */
function exitCodesOf({ marks }: Block): number[] {
  const mark = marks.find((it) => it.startsWith("exit="));
  return mark ? mark.slice("exit=".length).split(",").map(Number) : [0];
}

async function run(program: string, args: string[], env: Record<string, string>, allowed = [0]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, env, cwd: root, stdin: "null" }).output();
  const text = new TextDecoder();
  if (!allowed.includes(code)) throw new Error(`exit code ${code}\n${text.decode(stdout)}\n${text.decode(stderr)}`);
  return text.decode(stdout);
}
