import assert from "node:assert/strict";
import { findSwallowed } from "../../local/npm-options.ts";

const OPTIONS = ["wait", "dry-run", "limit", "reason", "json"];

function found(variables: Record<string, string>, args: string[] = []) {
  const env: Record<string, string> = { npm_lifecycle_event: "jobs:run:expire", ...variables };
  return findSwallowed(OPTIONS, { args, read: (name) => env[name] });
}

Deno.test("an option that npm consumed is named, with the command that passes it on", () => {
  assert.deepEqual(found({ npm_config_dry_run: "true" }), {
    sure: true,
    message: "Cannot use --dry-run here as npm took it: write npm run jobs:run:expire -- --dry-run",
  });
  assert.equal(
    found({
      npm_config_dry_run: "true",
      npm_config_limit: "3",
      npm_config_reason: "an outage",
      npm_config_json: "true",
    })
      ?.message,
    "Cannot use --dry-run, --limit, --reason, --json here as npm took them: write " +
      'npm run jobs:run:expire -- --dry-run --limit 3 --reason "an outage" --json',
  );
});

Deno.test("options that arrived, were switched off or belong to another program are not reported", () => {
  assert.equal(found({ npm_config_dry_run: "true", npm_config_limit: "3" }, ["--dry-run", "--limit=3"]), null);
  assert.equal(found({ npm_config_dry_run: "", npm_config_wait: "false", npm_config_yes: "true" }), null);
  assert.equal(found({ npm_config_dry_run: "true", npm_lifecycle_event: "" }), null, "npm did not start it");
});

Deno.test("json=true in .npmrc is reported and blocks no command", () => {
  const { sure, message } = found({ npm_config_json: "true" })!;
  assert.equal(sure, false);
  assert.match(message, /write npm run jobs:run:expire -- --json$/);
});
