import assert from "node:assert/strict";
import { join } from "node:path";
import { startFunctionsHost } from "../../local/functions-host/start.ts";
import { moduleGraph } from "../support/runner/module-graph.ts";
import { functionNames } from "../support/runner/files.ts";
import { deploy, unpack } from "./deploy.ts";
import type { Upload } from "./management-api.ts";

const environment = {
  SUPABASE_URL: "http://127.0.0.1:9",
  SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: "sb_publishable_test" }),
  SUPABASE_SECRET_KEYS: JSON.stringify({ default: "sb_secret_test" }),
  SUPABASE_JWKS: JSON.stringify({ keys: [] }),
  STRIPE_SECRET_KEY: "sk_test_test",
  STRIPE_WEBHOOK_SECRET: `whsec_${"s".repeat(32)}`,
  LAPSE_SCHEDULER_SECRET: "s".repeat(32),
};

/** The answers to an unauthenticated caller, with and without the function's environment. Only the log says what is missing. */
type Answers = {
  method: "GET" | "POST";
  configured: [status: number, body: RegExp];
  empty: [status: number, body: RegExp];
  /** What the log says is missing first; by default the platform's own variables. */
  missing?: RegExp;
};

const job: Answers = { method: "POST", configured: [401, /"credentials"/], empty: [401, /"credentials"/] };
const others: Record<string, Answers> = {
  // It answers every caller; here it finds no database.
  "lapse-health": { method: "GET", configured: [503, /"unhealthy"/], empty: [503, /"misconfigured"/] },
  // Its own token is all that opens it.
  "lapse-metrics": { ...job, method: "GET", missing: /LAPSE_METRICS_TOKEN/ },
  // Stripe's signature is all that opens it.
  "lapse-webhook": { method: "POST", configured: [401, /"signature"/], empty: [401, /"signature"/] },
};

for (const name of await functionNames()) {
  const { method, configured, empty, missing = /SUPABASE_URL/ } = others[name] ?? job;
  let deployed: Promise<Upload> | undefined;
  const uploadOnce = () => deployed ??= deploy(name);

  Deno.test(`deploying ${name} uploads every file it imports, its deno.json, and nothing from outside functions/`, async () => {
    const { files, metadata } = await uploadOnce();
    const modules = await moduleGraph([`functions/${name}/index.ts`], `functions/${name}/deno.json`);
    const wanted = [...modules.map(({ path }) => path), `functions/${name}/deno.json`];
    assert.deepEqual(wanted.filter((path) => !files.has(path)), []);
    assert.deepEqual([...files.keys()].filter((path) => !path.startsWith("functions/")), []);
    // The gateway's own check knows one kind of caller; the functions check three by themselves.
    assert.equal(metadata.verify_jwt, false);
    assert.equal(metadata.entrypoint_path, `functions/${name}/index.ts`);
    assert.equal(metadata.import_map_path, `functions/${name}/deno.json`);
  });

  Deno.test(`the upload of ${name} boots in an empty folder and answers an unauthenticated caller`, async () => {
    const { status, body } = await bootAndAsk(await uploadOnce(), { method, env: environment });
    assert.equal(status, configured[0], body);
    assert.match(body, configured[1]);
  });

  Deno.test(`the upload of ${name} logs what its environment lacks and does not reveal it to callers`, async () => {
    const { status, body, log } = await bootAndAsk(await uploadOnce(), { method, env: {} });
    assert.equal(status, empty[0], body);
    assert.match(body, empty[1]);
    assert.doesNotMatch(body, /SUPABASE_|STRIPE_|LAPSE_/);
    assert.match(log, missing);
  });

  Deno.test(`an upload of ${name} that lacks one imported file does not boot`, async () => {
    const whole = await uploadOnce();
    const upload = { ...whole, files: new Map(whole.files) };
    const entry = upload.metadata.entrypoint_path;
    const [, imported] = new TextDecoder().decode(upload.files.get(entry)).match(/^import \{.*\} from "(\..*)";$/m)!;
    assert.ok(upload.files.delete(join(entry, "..", imported!)));
    const { status, body } = await bootAndAsk(upload, { method, env: environment });
    assert.equal(status, 503, body);
    assert.match(body, /"BOOT_ERROR"/);
  });
}

Deno.test("an upload shows a file from outside functions/, so that the rule above can see it", async () => {
  const project = await Deno.makeTempDir({ prefix: "lapse-project-" });
  try {
    await unpack(
      Object.entries({
        "supabase/config.toml":
          `project_id = "x"\n[functions.hello]\nverify_jwt = false\nentrypoint = "../functions/hello/index.ts"\n`,
        "functions/hello/deno.json": `{ "imports": {} }`,
        "functions/hello/index.ts": `import { helper } from "../../local/helper.ts";\nDeno.serve(helper);\n`,
        "local/helper.ts": `export const helper = () => new Response();\n`,
      }),
      project,
    );
    assert.ok((await deploy("hello", project)).files.has("local/helper.ts"));
  } finally {
    await Deno.remove(project, { recursive: true });
  }
});

/** Starts the uploaded function alone in a new folder and sends it one request without credentials. */
async function bootAndAsk(upload: Upload, request: { method: string; env: Record<string, string> }) {
  const folder = await Deno.makeTempDir({ prefix: "lapse-uploaded-" });
  await unpack(upload.files, folder);
  const host = await startFunctionsHost({ env: request.env, folder: join(folder, "functions") });
  try {
    const url = `http://127.0.0.1/functions/v1/${upload.slug}`;
    const response = await host.fetch(new Request(url, { method: request.method }), upload.slug);
    const body = await response.text();
    // A line may arrive after the answer.
    for (let waited = 0; host.logs().length === 0 && waited < 500; waited += 20) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return { status: response.status, body, log: host.logs().map(({ line }) => line).join("\n") };
  } finally {
    await host.close();
    await Deno.remove(folder, { recursive: true });
  }
}
