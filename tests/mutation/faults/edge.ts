import { faultsIn } from "../fault.ts";

/** Who may start a run, and with what. */
export const EDGE_FAULTS = [
  ...faultsIn("functions/_shared/http/gate.ts", [
    [
      "empty-secret-falls-through",
      "if (shown !== null) {",
      "if (shown) {",
      "an empty scheduler secret is not refused at once",
    ],
    ["any-secret", "await matchesAny(shown, environment.schedulerSecrets)", "true", "anybody starts runs"],
    [
      "wrong-secret-falls-through",
      `return await matchesAny(shown, environment.schedulerSecrets)
      ? admit({ trigger: "schedule", requestedBy: "pg_cron" })
      : refuse(401, "The scheduler secret is wrong");`,
      `if (await matchesAny(shown, environment.schedulerSecrets)) return admit({ trigger: "schedule", requestedBy: "pg_cron" });`,
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
      `auth: ["secret:*", "user"],`,
      `auth: ["publishable:*", "secret:*", "user"],`,
      "a stranger with the publishable key counts as somebody",
    ],
    [
      "publishable-is-secret",
      "secretKeys: environment.secretKeys,",
      "secretKeys: { ...environment.secretKeys, ...environment.publishableKeys },",
      "everybody with the shop's page starts runs",
    ],
    ["any-role", `user?.role === "authenticated" && `, "user && ", "a token of another role counts as a user"],
    [
      "users-promote-themselves",
      `user.appMetadata?.["jobs_role"]`,
      `user.userMetadata?.["jobs_role"]`,
      "users make themselves operators",
    ],
    [
      "either-metadata",
      `user.appMetadata?.["jobs_role"]`,
      `(user.appMetadata?.["jobs_role"] ?? user.userMetadata?.["jobs_role"])`,
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
      "first-secret-only",
      "for (const secret of secrets)",
      "for (const secret of secrets.slice(0, 1))",
      "a rotation locks the scheduler out",
    ],
    [
      "compare-as-text",
      "timingSafeEqual(digest, await sha256(secret))",
      "(shown === secret)",
      "time tells how much of a guess is right",
    ],
    [
      "compare-prefix",
      "timingSafeEqual(digest, await sha256(secret))",
      "timingSafeEqual(digest.subarray(0, 1), (await sha256(secret)).subarray(0, 1))",
      "one guess in 256 is right",
    ],
    [
      "early-return",
      "matches = timingSafeEqual(digest, await sha256(secret)) || matches;",
      "if (timingSafeEqual(digest, await sha256(secret))) return true;",
      "time tells which of two secrets was right",
    ],
    [
      "early-difference",
      "difference |= one[at]! ^ other[at]!;",
      "if (one[at] !== other[at]) return false;",
      "time tells where two digests differ",
    ],
    [
      "last-byte-only",
      "difference |= one[at]! ^ other[at]!;",
      "difference = one[at]! ^ other[at]!;",
      "one guess in 256 is right",
    ],
    [
      "other-projects-keys",
      "...(environment.jwks === null ? {} : { jwks: environment.jwks as never }),",
      "",
      "the project's inline keys are not the ones that count",
    ],
  ]),
  ...faultsIn("functions/_shared/http/job-request.ts", [
    ["unknown-fields", "z.strictObject({", "z.object({", "a misspelt dryRun is a real run"],
    [
      "body-size",
      "const MAX_BODY_BYTES = 10_000;",
      "const MAX_BODY_BYTES = 10_000_000;",
      "a caller fills the function's memory",
    ],
    ["body-unbounded", "if (size > MAX_BODY_BYTES) return null;", "", "a caller fills the function's memory"],
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
    ["limit-of-zero", "z.minimum(1), z.maximum(100_000)", "z.maximum(100_000)", "a run with a limit below zero"],
    ["limit-unbounded", "z.minimum(1), z.maximum(100_000)", "z.minimum(1)", "a limit that no column holds"],
  ]),
  ...faultsIn("functions/_shared/http/serve-job.ts", [
    ["any-method", `if (request.method !== "POST")`, "if (false)", "a link starts a run"],
    ["refusal-ignored", "if (refusal) return", "if (refusal && caller) return", "a refused caller goes on"],
  ]),
];
