import { z } from "zod";
import { type JobName, jobs } from "../rows.ts";
import { deploy, setSecret } from "../supabase.ts";
import { type CheckName, fault, type Finding, ok } from "./finding.ts";

/** A body that every job refuses, so that a function that lets the caller in still starts no run. */
const PROBE = JSON.stringify({ doctor: "Is the gate shut?" });
/** A function that was not called for a while starts first. */
const TIMEOUT_MS = 30_000;

type Options = {
  url: string;
  secretKey: string | undefined;
  schedulerSecret: string | undefined;
  publishableKey: string | undefined;
};

/**
 * Whether the function is configured, admits the scheduler and refuses strangers. Every request has the unusable body.
 */
export async function checkJob(job: JobName, options: Options): Promise<Finding> {
  const { url, secretKey, schedulerSecret, publishableKey } = options;
  const knock = (headers: Record<string, string>) => ask(`${url}/functions/v1/${job}`, headers);

  const strangers: Record<string, string>[] = [{}, ...(publishableKey ? [{ apikey: publishableKey }] : [])];
  for (const headers of strangers) {
    const { status, code, said } = await knock(headers);
    if (status === null) return fault(job, `cannot be reached: ${said}`, "read the project's status page");
    if (status === 404) return fault(job, "is not deployed", deploy(job));
    if (status >= 500) return fault(job, `does not start: it answered ${status}: ${said}`, "read the function's log");
    if (status !== 401 && status !== 403) {
      return fault(job, `does not refuse strangers: it answered ${status}`, deploy(job));
    }
    if (code !== "credentials") {
      const what = "the platform refuses callers before the function sees them";
      return fault(job, what, "set verify_jwt = false for it, as in supabase/config.toml, and deploy again");
    }
  }

  if (secretKey !== undefined) {
    const { status, said } = await knock({ apikey: secretKey });
    if (status === 500) {
      return fault(job, `is misconfigured: ${said}`, `${setSecret("NAME=VALUE")} for what it names`);
    }
    if (status !== 400) return fault(job, `answered the secret key with ${status}: ${said}`, deploy(job));
  }

  if (schedulerSecret === undefined) {
    return ok(job, "refuses strangers; the scheduler's secret was not tried: LAPSE_SCHEDULER_SECRET is not set");
  }
  const { status, said } = await knock({ "x-lapse-secret": schedulerSecret });
  if (status === 400) return ok(job, "lets the scheduler in and refuses strangers");
  if (status === 401) {
    const fix = `${setSecret("LAPSE_SCHEDULER_SECRET=VALUE")}, the same as in Vault`;
    return fault(job, "refuses the scheduler's secret", fix);
  }
  return fault(job, `answered the scheduler with ${status}: ${said}`, deploy(job));
}

/** Every function of a project. The probe has a refused body and no signature, so none of them does anything. */
const FUNCTIONS = [...jobs, "lapse-health", "lapse-metrics", "lapse-webhook"];

/** The release of each function; null if the function does not reveal it, or not to this key. */
export async function readVersions({ url, secretKey }: Options): Promise<Record<string, string | null>> {
  const entries = await Promise.all(FUNCTIONS.map(async (name) => {
    if (secretKey === undefined) return [name, null] as const;
    return [name, (await ask(`${url}/functions/v1/${name}`, { apikey: secretKey })).version] as const;
  }));
  return Object.fromEntries(entries);
}

/** An invalid signature. The webhook refuses it, unless it lacks the configuration to check any. */
const FORGED = { "stripe-signature": "t=1,v1=0" };

/** `unset`: the function lacks the secret to check signatures with. */
export type WebhookState = "unknown" | "absent" | "unset" | "ready";

/** Whether lapse-webhook refuses events that Stripe did not sign. The webhook is optional. */
export async function checkWebhook(url: string): Promise<{ state: WebhookState; finding: Finding }> {
  const name: CheckName = "lapse-webhook";
  const { status, code, said } = await ask(`${url}/functions/v1/lapse-webhook`, FORGED);
  const unknown = (what: string, fix: string) => ({ state: "unknown" as const, finding: fault(name, what, fix) });
  if (status === null) return unknown(`cannot be reached: ${said}`, "read the project's status page");
  if (status === 404) {
    const what = "is not deployed: a webhook of the shop's own reports payments, or the next run finds them";
    return { state: "absent", finding: ok(name, what) };
  }
  if (status === 401 && code === "signature") {
    return { state: "ready", finding: ok(name, "accepts only events that Stripe signed") };
  }
  if (code === "configuration") {
    const fix = `${setSecret("STRIPE_WEBHOOK_SECRET=VALUE")}; if that is set, the function's log names the other`;
    return { state: "unset", finding: fault(name, "lacks a variable, so it cannot use what Stripe sends", fix) };
  }
  if (status === 401) {
    const fix = "set verify_jwt = false for it, as in supabase/config.toml, and deploy again";
    return unknown("the platform refuses callers before the function sees them", fix);
  }
  return unknown(`answered a forged event with ${status}: ${said}`, deploy(name));
}

const health = z.looseObject({ status: z.enum(["ok", "unhealthy"]), reasons: z.array(z.string()).default([]) });

/** Whether lapse-health answers. What it reports about the jobs is covered by the other checks. */
export async function checkHealth(url: string): Promise<Finding> {
  const name: CheckName = "lapse-health";
  const { status, body, said } = await ask(`${url}/functions/v1/lapse-health`, {}, "GET");
  if (status === null) return fault(name, `cannot be reached: ${said}`, "read the project's status page");
  if (status === 404) return fault(name, "is not deployed", deploy(name));
  const parsed = health.safeParse(body);
  if (!parsed.success) return fault(name, `answers ${status} with something else: ${said}`, deploy(name));
  const blind = parsed.data.reasons.filter((reason) => reason === "misconfigured" || reason === "database_unreachable");
  if (blind.length > 0) {
    return fault(name, `cannot check the jobs: ${blind.join(", ")}`, "npx supabase secrets list; then its log");
  }
  return ok(name, parsed.data.status === "ok" ? "reports no problem" : `says ${parsed.data.reasons.join(", ")}`);
}

const VIEWS = [
  "lapse_runs",
  "lapse_metrics",
  "lapse_metrics_daily",
  "lapse_decisions",
  "lapse_alerts",
  "lapse_orders",
  "lapse_payments",
  "lapse_refunds",
  "lapse_jobs",
  "lapse_schedules",
];

/** What a caller without credentials can read over REST, using the publishable key that every browser has. */
export async function askAsStranger(
  url: string,
  publishableKey: string | undefined,
): Promise<{ open: string[]; asked: boolean }> {
  if (publishableKey === undefined) return { open: [], asked: false };
  const doors = [...VIEWS.map((view) => `${view}?select=*&limit=1`), "rpc/lapse_health", "rpc/lapse_inspect"];
  const answers = await Promise.all(doors.map(async (door) => {
    const method = door.startsWith("rpc/") ? "POST" : "GET";
    const { status } = await ask(`${url}/rest/v1/${door}`, { apikey: publishableKey }, method, "{}");
    return { door, status };
  }));
  const open = answers.filter(({ status }) => status !== null && status < 300);
  return { open: open.map(({ door }) => `anybody can read ${door.replace(/\?.*/, "")}`), asked: true };
}

type Answer = { status: number | null; code: string | null; body: unknown; said: string; version: string | null };
const refusal = z.looseObject({ error: z.looseObject({ code: z.string(), message: z.string() }) });

async function ask(url: string, headers: Record<string, string>, method = "POST", text = PROBE): Promise<Answer> {
  try {
    const init = method === "POST"
      ? { body: text, headers: { "content-type": "application/json", ...headers } }
      : { headers };
    const response = await fetch(url, { method, ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const said = await response.text();
    const body: unknown = said.startsWith("{") ? JSON.parse(said) : null;
    const known = refusal.safeParse(body);
    const { code, message } = known.success ? known.data.error : { code: null, message: said.slice(0, 200) };
    return { status: response.status, code, body, said: message, version: response.headers.get("x-lapse-version") };
  } catch (error) {
    return { status: null, code: null, body: null, said: String(error), version: null };
  }
}
