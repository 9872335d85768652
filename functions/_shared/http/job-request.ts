import * as z from "zod/mini";
import { uuid, WITHOUT_COMPILING } from "../parsing.ts";
import { readBounded } from "./answer.ts";
import type { Caller } from "./gate.ts";

/** What a caller may ask of a job. Every field is optional; unknown fields are refused. */
export type JobRequest = {
  /** The run's id; a new one by default. Repeating a request with the same id is harmless. */
  runId: string;
  /** Answer only when the run has ended. */
  wait: boolean;
  /** Inspect, decide and report, but change nothing. */
  dryRun: boolean;
  /** The maximum number of orders to decide. */
  limit: number | null;
  releaseBrake: boolean;
  reason: string | null;
  /** Start no run: store this function's address in the database. Must be the only field. */
  connect?: true;
};

export type RequestIssue = { field: string; reason: string };
export type JobRequestResult = { request: JobRequest; status: 200; issues: null } | {
  request: null;
  status: 400 | 403 | 413;
  issues: RequestIssue[];
};

const MAX_BODY_BYTES = 10_000;

// PostgreSQL cannot store NUL, logs are read line by line, and terminals execute escape sequences.
const printable = z.regex(/^[^\p{Cc}\p{Cs}]*$/u, "contains a control character");

const schema = z.strictObject({
  runId: z.optional(uuid),
  wait: z.prefault(z.boolean(), false),
  dryRun: z.prefault(z.boolean(), false),
  limit: z.prefault(z.nullable(z.int().check(z.minimum(1), z.maximum(100_000))), null),
  releaseBrake: z.prefault(z.boolean(), false),
  reason: z.prefault(z.nullable(z.string().check(z.trim(), z.minLength(1), z.maxLength(500), printable)), null),
  connect: z.optional(z.literal(true)),
});

/** Reads and parses a request's body. An empty body starts a run with the defaults. The scheduler may not release the brake; others must give a reason. */
export async function parseJobRequest(request: Request, caller: Caller): Promise<JobRequestResult> {
  const text = await readBounded(request, MAX_BODY_BYTES);
  if (text === null) return refuse(413, "body", `larger than ${MAX_BODY_BYTES} bytes`);

  let body: unknown;
  try {
    body = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    return refuse(400, "body", "not JSON");
  }

  const parsed = schema.safeParse(body, WITHOUT_COMPILING);
  if (!parsed.success) {
    return { request: null, status: 400, issues: parsed.error.issues.flatMap(describe) };
  }
  if (repeatsKey(text, body as object)) return refuse(400, "body", "names a field twice");

  const { runId = crypto.randomUUID(), ...rest } = parsed.data;
  if (rest.releaseBrake && caller.trigger === "schedule") {
    return refuse(403, "releaseBrake", "the scheduler cannot release the brake");
  }
  if (rest.connect && caller.trigger !== "server") {
    return refuse(403, "connect", "only a secret key connects the functions and the database");
  }
  if (rest.connect && Object.keys(body as object).length > 1) return refuse(400, "connect", "must be the only field");
  if (rest.releaseBrake && rest.reason === null) {
    return refuse(400, "reason", "required to release the brake");
  }
  return { request: { runId, ...rest }, status: 200, issues: null };
}

/**
 * Whether the text names a field twice. JSON.parse takes the last one, where a proxy or an audit may have read the first. No field is
 * nested, so a text with more keys than the object has repeats one of them.
 */
function repeatsKey(text: string, body: object): boolean {
  const strings = text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g);
  return [...strings].filter(([, colon]) => colon !== undefined).length > Object.keys(body).length;
}

function describe(issue: z.core.$ZodIssue): RequestIssue[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ field: key.slice(0, 100), reason: "unknown field" }));
  }
  return [{ field: issue.path.join(".") || "body", reason: issue.message }];
}

function refuse(status: 400 | 403 | 413, field: string, reason: string): JobRequestResult {
  return { request: null, status, issues: [{ field, reason }] };
}
