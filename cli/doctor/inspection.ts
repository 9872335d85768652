import { z } from "zod";
import { MissingError } from "../errors.ts";
import type { Project } from "../project.ts";

/** One part of `jobs_inspect`: what it found, or why it could not look. */
type Part<T> = { value: T; error: null } | { value: null; error: string };

function part<T>(value: z.ZodType<T>): z.ZodType<Part<T>> {
  return z.union([
    z.looseObject({ error: z.string() }).transform(({ error }): Part<T> => ({ value: null, error })),
    z.looseObject({ value }).transform((it): Part<T> => ({ value: it.value as T, error: null })),
  ]);
}

const entry = z.enum(["ok", "missing", "not_https", "elsewhere", "short", "differs"]);
const condition = z.object({
  kind: z.string(),
  code: z.string(),
  key: z.string(),
  severity: z.string(),
  message: z.string(),
});

/** What `public.jobs_inspect` answers (migrations/*_inspect.sql). */
export const inspection = z.object({
  now: z.string(),
  postgres: z.string(),
  migrations: part(z.array(z.string()).nullable()),
  extensions: part(
    z.array(z.object({ name: z.string(), installed: z.string().nullable(), available: z.string().nullable() })),
  ),
  secrets: part(
    z.object({ jobs_functions_url: entry, jobs_scheduler_secret: entry, jobs_alert_webhook_url: entry }),
  ),
  privileges: part(z.array(z.string())),
  conditions: part(z.array(condition)),
  state: part(z.object({
    settings: z.boolean(),
    paused: z.array(z.string()),
    livemode: z.boolean().nullable(),
    watchedAt: z.string().nullable(),
  })),
  health: part(z.array(z.string())),
});
export type Inspection = z.infer<typeof inspection>;
export type Condition = z.infer<typeof condition>;

/** Null when the database does not have the function: nothing private can be seen. */
export async function inspect(project: Project, schedulerSecret: string | undefined): Promise<Inspection | null> {
  const asked = {
    functionsUrl: `${project.target.url}/functions/v1`,
    ...(schedulerSecret === undefined ? {} : { schedulerSecretSha256: await sha256(schedulerSecret) }),
  };
  try {
    return await project.call("jobs_inspect", { p_asked: asked }, inspection);
  } catch (error) {
    if (error instanceof MissingError) return null;
    throw error;
  }
}

/** The database compares digests: the secret itself has no business in a request. */
async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
