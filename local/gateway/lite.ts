import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";
import type { ProjectKeys } from "./keys.ts";

export type Lite = { fetch(request: Request): Promise<Response>; close(): Promise<void> };

/**
 * REST and Auth on the database behind `url`, by @supabase/lite. The role in `url` must see every table (`postgres`
 * does); each request then runs as anon, authenticated or service_role. The schema is read at the first request and
 * kept.
 */
export async function startLite(url: string, keys: ProjectKeys): Promise<Lite> {
  const connection = createPostgresConnection({
    url,
    postgresOptions: {
      max: 20,
      onnotice: () => {},
      // PostgREST gives every request the time limit of its role, lite does not: this is the one of `authenticated`.
      connection: { statement_timeout: 8_000 },
      // Arguments of functions arrive as text already; lite's own serializer would encode them a second time.
      types: {
        jsonb: {
          to: 3802,
          from: [3802],
          serialize: (value: unknown) => typeof value === "string" ? value : JSON.stringify(value),
          parse: (text: string) => JSON.parse(text),
        },
      },
    },
  });
  // In any other state lite grants the API roles everything on every table, and no grant of ours would be tested.
  (connection as unknown as { rlsState: string }).rlsState = "active";
  keepAnsweredErrorsOffTheConsole(connection);
  const app = new App(
    {
      connection,
      auth: {
        enabled: true,
        jwt_secret: new TextDecoder().decode(keys.innerSecret),
        publishable_key: keys.publishableKey,
        secret_key: keys.secretKey,
        email: { enable_confirmations: false },
      },
    } as ConstructorParameters<typeof App>[0],
  );
  await app.ensureSystemSchema();
  return {
    fetch: async (request) => await app.fetch(request),
    // Not connection.close(): that waits without limit, also for the transaction of a caller who was killed in the
    // middle of it.
    close: () => connection.driver.end({ timeout: 1 }),
  };
}

type ErrorNormalizer = { normalizeDbError(error: unknown): unknown };

/**
 * lite prints every database error it answers with, also the expected ones (a denied read), with its stack. The caller
 * has them in full; on the console they would drown what matters.
 */
function keepAnsweredErrorsOffTheConsole(connection: unknown): void {
  const normalizer = connection as ErrorNormalizer;
  const normalize = normalizer.normalizeDbError.bind(connection);
  normalizer.normalizeDbError = (error) => {
    const normalized = normalize(error);
    if (typeof normalized === "object" && normalized !== null) answered.add(normalized);
    return normalized;
  };
}

const answered = new WeakSet<object>();
const printError = console.error;
console.error = (...args: unknown[]) => {
  if (args.length === 1 && typeof args[0] === "object" && args[0] !== null && answered.has(args[0])) return;
  printError(...args);
};
