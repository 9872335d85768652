import { type Fault, faultsIn } from "../fault.ts";

const GATE = ["unit/http/serve_job_test.ts", "security/gate_test.ts"];
const BODY = ["unit/http/job_request_test.ts"];
const EDGE = ["unit/http/serve_job_test.ts"];
const ENVIRONMENT = ["unit/http/environment_test.ts"];

/** Who may start a run, and with what. */
export const HTTP_FAULTS: Fault[] = [
  ...faultsIn("functions/_shared/http/gate.ts", GATE, [
    [
      "empty-secret-falls-through",
      "if (secret !== null) {",
      "if (secret) {",
      "an empty scheduler secret is not refused at once",
    ],
    [
      "any-secret",
      "return await matchesAny(secret, parseSchedulerSecrets(readVariable))",
      "return true",
      "anybody starts runs",
    ],
    [
      "wrong-secret-falls-through",
      `      : refuseStranger();\n  }`,
      `      : await passGate(new Request(request.url, { headers: [...request.headers].filter(([name]) => name !== "x-lapse-secret") as never }), readVariable);\n  }`,
      "a wrong scheduler secret tries another door",
    ],
    [
      "strangers-known",
      `auth: ["secret:*", "user"]`,
      `auth: ["secret:*", "user", "none"]`,
      "a stranger counts as somebody",
    ],
    [
      "publishable-opens",
      `auth: ["secret:*", "user"]`,
      `auth: ["publishable:*", "secret:*", "user"]`,
      "a stranger with the publishable key counts as somebody",
    ],
    ["any-role", `user?.role === "authenticated" && `, "user && ", "a token of another role counts as a user", [
      ...GATE,
      "security/credentials_test.ts",
    ]],
    [
      "users-promote-themselves",
      `user.appMetadata?.["lapse_role"]`,
      `(user.appMetadata?.["lapse_role"] ?? user.userMetadata?.["lapse_role"])`,
      "users make themselves operators",
    ],
    ["viewers-operate", `=== "operator"`, "!== undefined", "viewers start runs"],
    [
      "last-secret-only",
      "matches = timingSafeEqual(digest, await sha256(secret)) || matches;",
      "matches = timingSafeEqual(digest, await sha256(secret));",
      "a rotation locks the scheduler out",
    ],
    [
      "compare-as-text",
      "timingSafeEqual(digest, await sha256(secret))",
      "(shown === secret)",
      "time tells how much of a guess is right",
      [...GATE, "security"],
    ],
    [
      "compare-prefix",
      "timingSafeEqual(digest, await sha256(secret))",
      "timingSafeEqual(digest.subarray(0, 1), (await sha256(secret)).subarray(0, 1))",
      "one guess in 256 is right",
    ],
    [
      "last-byte-only",
      "difference |= one[at]! ^ other[at]!;",
      "difference = one[at]! ^ other[at]!;",
      "one guess in 256 is right",
    ],
  ]),
  ...faultsIn("functions/_shared/http/job-request.ts", BODY, [
    ["unknown-fields", "z.strictObject({", "z.object({", "a misspelt dryRun is a real run"],
    [
      "body-size",
      "const MAX_BODY_BYTES = 10_000;",
      "const MAX_BODY_BYTES = 10_000_000;",
      "a caller fills the function's memory",
    ],
    [
      "scheduler-releases-brake",
      `if (rest.releaseBrake && caller.trigger === "schedule") {`,
      "if (false) {",
      "whoever holds the scheduler's secret releases the brake",
    ],
    [
      "release-without-reason",
      "if (rest.releaseBrake && rest.reason === null) {",
      "if (false) {",
      "a brake is released and nobody says why",
    ],
    ["field-twice", "if (repeatsKey(text, body as object))", "if (false)", "the last of two equal fields counts"],
    [
      "control-characters",
      "z.maxLength(500), printable)",
      "z.maxLength(500))",
      "a reason steers an operator's terminal",
    ],
    ["limit-of-zero", "z.minimum(1), z.maximum(100_000)", "z.maximum(100_000)", "a run has a limit below zero"],
    [
      "wait-by-default",
      "wait: z.prefault(z.boolean(), false)",
      "wait: z.prefault(z.boolean(), true)",
      "the scheduler's one batch of requests waits for every run",
    ],
  ]),
  ...faultsIn("functions/_shared/http/serve-job.ts", EDGE, [
    [
      "body-before-the-gate",
      "const { caller, refusal } = await askGate(request, options, log);",
      `const { request: early } = await parseJobRequest(request.clone(), { trigger: "server", requestedBy: "" });
    if (early === null) return refuse(400, "body", "The request cannot be used");
    const { caller, refusal } = await askGate(request, options, log);`,
      "strangers have their bodies parsed",
      ["unit/http/serve_job_test.ts", "security/gate_test.ts"],
    ],
    [
      "refusal-ignored",
      "if (refusal) return refuse",
      "if (refusal && caller) return refuse",
      "a refused caller continues",
    ],
    [
      "misconfiguration-told-to-strangers",
      '    log.error("request_failed", { job: name, error: messageOf(error) });\n    return refuseStranger();',
      "    throw error;",
      "strangers read what the project lacks",
    ],
    [
      "waits-for-the-run",
      `if (!wait && begun !== "failed") return answer({ runId: asked.runId }, { status: 202 });`,
      `if (!wait && begun !== "failed") {\n    await ended;\n    return answer({ runId: asked.runId }, { status: 202 });\n  }`,
      "the scheduler's one batch of requests waits for every run",
    ],
    ["worker-not-kept", "worker.waitUntil(ended);", "", "the platform ends a worker in the middle of its run"],
    [
      "unknown-run-is-a-fault",
      `if (code === "PT404") return refuse(404`,
      `if (code === "PT404") return refuse(500`,
      "a caller's error looks like the function's",
    ],
    [
      "any-trigger-is-the-schedules",
      "trigger: caller.trigger, requestedBy",
      `trigger: "server", requestedBy`,
      "a copied database starts the runs of its original",
      EDGE,
    ],
    ["retirement-unheard", "retired: worker.retired,", "", "a worker that is being retired keeps claiming", [
      "unit/http/serve_job_test.ts",
    ]],
  ]),
  ...faultsIn("functions/_shared/http/answer.ts", EDGE, [
    ["body-unbounded", "if (size > maxBytes) return null;", "", "a caller fills the function's memory", BODY],
    [
      "any-method",
      "if (methods.includes(request.method)) return null;",
      'if (request.method !== "OPTIONS") return null;',
      "a link starts a run",
    ],
    [
      "answers-cached",
      `"cache-control": "no-store"`,
      `"cache-control": "max-age=60"`,
      "a proxy answers with an old run",
    ],
    [
      "browsers-hold-the-secret",
      `"authorization, apikey, content-type,`,
      `"authorization, apikey, x-lapse-secret, content-type,`,
      "a page can use the scheduler's secret",
    ],
  ]),
  ...faultsIn("functions/_shared/environment.ts", ENVIRONMENT, [
    [
      "secrets-untrimmed",
      `const value = read(name)?.trim() ?? "";`,
      `const value = read(name) ?? "";`,
      "a pasted secret with a line break locks everybody out",
    ],
    [
      "short-secret",
      `z.minLength(32, "shorter than 32 characters")`,
      `z.minLength(1, "shorter than 32 characters")`,
      "the scheduler's secret can be guessed",
    ],
    ["empty-is-a-secret", `if (value === "") {`, "if (read(name) === undefined) {", "an unset secret is an empty one"],
    [
      "values-told",
      'const reason = result.error.issues[0]?.message ?? "malformed";',
      "const reason = value;",
      "an error quotes a secret",
    ],
    [
      "publishable-key-for-stripe",
      "/^(sk|rk)_(test|live)_[A-Za-z0-9_]+$/",
      "/^\\w+$/",
      "a publishable key is found out only by Stripe",
    ],
  ]),
  ...faultsIn("functions/lapse-health/health.ts", ["unit/http/health_test.ts"], [
    [
      "strangers-ask-the-database",
      "if (kept === undefined || clock() >= kept.until) {",
      "if (true) {",
      "strangers cost the database a call each",
    ],
    [
      "health-for-ever",
      "if (kept === undefined || clock() >= kept.until) {",
      "if (kept === undefined) {",
      "a monitor hears forever how things once were",
    ],
    [
      "health-breaks",
      `log.error("health_unknown", { error: messageOf(error) });\n    return`,
      `log.error("health_unknown", { error: messageOf(error) });\n    throw error;\n    return`,
      "a monitor hears nothing of a database that is down",
    ],
    [
      "health-waits",
      'return await Promise.race([connect()("lapse_health", {}, { answer, repeatable: false }), limit]);',
      'return await connect()("lapse_health", {}, { answer, repeatable: false });',
      "a monitor gives up before it is told",
    ],
  ]),
  ...faultsIn("functions/_shared/http/serve-job.ts", ["unit/http/worker_test.ts"], [
    [
      "unload-unheard",
      `addEventListener("beforeunload", () => retirement.abort());`,
      "",
      "a worker that is being retired keeps claiming",
    ],
  ]),
];
