import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";

const OPTIONS = {
  json: { type: "boolean", default: false },
  "db-url": { type: "string" },
  "stripe-api-base": { type: "string" },
  project: { type: "string" },
  port: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

export const stackOptions = Object.keys(OPTIONS);

export const stackUsage =
  `Usage: npm run stack -- [--json] [--db-url URL] [--stripe-api-base URL] [--project DIR] [--port N]

  --json                 print one line of JSON when it is ready
  --db-url URL           a PostgreSQL that runs already, as its superuser; default: one of its own
  --stripe-api-base URL  another Stripe server than the simulator. It gets the key sk_test_local: Stripe itself refuses it
  --project DIR          that project's migrations, seed and functions instead of the sample shop and those of this repository
  --port N               of the API; default: a free one`;

function urlOf(...protocols: string[]) {
  const fits = (text: string) => protocols.includes(URL.parse(text)?.protocol.slice(0, -1) ?? "");
  return z.string().refine(fits, `no URL that begins with ${protocols.map((it) => `${it}://`).join(" or ")}`)
    .optional();
}

const schema = z.object({
  json: z.boolean(),
  help: z.boolean(),
  "db-url": urlOf("postgres", "postgresql"),
  "stripe-api-base": urlOf("http", "https"),
  project: z.string().transform((path) => resolve(path)).refine(isProject, "no folder with a supabase/config.toml")
    .optional(),
  port: z.string().regex(/^\d+$/, "no whole number").transform(Number).pipe(z.int().max(65_535, "above 65535"))
    .optional(),
});

function isProject(folder: string): boolean {
  return ["toml", "json", "jsonc"].some((kind) => existsSync(join(folder, "supabase", `config.${kind}`)));
}

/** @throws Error naming the option that cannot be used, before anything is started. */
export function readStackArguments(args: string[]): z.infer<typeof schema> {
  const { values } = parseArgs({ args, options: OPTIONS });
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new Error(`Cannot use --${String(path[0])} ${values[path[0] as "port"]}: it is ${message}`);
}
