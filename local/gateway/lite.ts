import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";
import type postgres from "postgres";
import type { ProjectKeys } from "./keys.ts";
import { answerLikePostgrest, noteDatabaseError } from "./postgrest-errors.ts";

export type Lite = {
  fetch(request: Request): Promise<Response>;
  /** lite's own connections, as the role that sees every table. */
  sql: postgres.Sql;
  close(): Promise<void>;
};

/**
 * REST and Auth on the database behind `url`, by @supabase/lite. The role in `url` must see every table (`postgres`
 * does); each request then runs as anon, authenticated or service_role. The schema is read at the first request and
 * kept.
 */
export function startLite(url: string, keys: ProjectKeys): Lite {
  const connection = connect(url);
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
  return {
    fetch: (request) => answerLikePostgrest(request, async () => await app.fetch(request)),
    sql: connection.driver,
    close: () => close(connection),
  };
}

/** The tables of Auth, which every hosted project has from its first day: a migration may refer to `auth.users`. */
export async function createAuthTables(url: string): Promise<void> {
  const connection = connect(url);
  try {
    const { driver: sql } = connection;
    const [migrations] = await sql`select to_regnamespace('supabase_migrations') is not null as there`;
    await new App({ connection, auth: { enabled: true } } as ConstructorParameters<typeof App>[0]).ensureSystemSchema();
    // lite also creates the CLI's table, owned by the connected role. The CLI creates its own, owned by the role that migrates.
    if (!migrations!.there) await sql`drop schema supabase_migrations cascade`;
  } finally {
    await close(connection);
  }
}

function connect(url: string) {
  const connection = createPostgresConnection({
    url,
    postgresOptions: {
      max: 20,
      onnotice: () => {},
      // PostgREST gives every request the time limit of its role, lite does not: this is the one of `authenticated`.
      connection: { statement_timeout: 8_000 },
      types: {
        // Arguments of functions arrive as text already; lite's own serializer would encode them a second time.
        jsonb: {
          to: 3802,
          from: [3802],
          serialize: (value: unknown) => typeof value === "string" ? value : JSON.stringify(value),
          parse: (text: string) => JSON.parse(text),
        },
        // PostgREST lets the database write JSON: times with a T and minutes in their offset, numbers as numbers.
        timestamptz: { to: 1184, from: [1184], serialize: asIs, parse: (text: string) => jsonTime(text, ":00") },
        timestamp: { to: 1114, from: [1114], serialize: asIs, parse: (text: string) => jsonTime(text, "") },
        numeric: { to: 1700, from: [1700], serialize: String, parse: jsonNumber },
      },
    },
  });
  // In any other state lite grants the API roles everything on every table, and no grant of ours would be tested.
  (connection as unknown as { rlsState: string }).rlsState = "active";
  watchErrors(connection);
  return connection;
}

/** Not connection.close(): that waits without limit, also for the transaction of a caller who was killed in the middle of it. */
function close(connection: ReturnType<typeof createPostgresConnection>): Promise<void> {
  return connection.driver.end({ timeout: 1 });
}

function asIs(text: string): string {
  return text;
}

/** `2026-11-29 15:17:04.5+00` as JSON has it; `infinity` stays what it is. */
function jsonTime(text: string, minutes: string): string {
  return /^\d/.test(text) ? text.replace(" ", "T") + (/[+-]\d\d$/.test(text) ? minutes : "") : text;
}

function jsonNumber(text: string): number | string {
  return Number.isFinite(Number(text)) ? Number(text) : text;
}

type ErrorNormalizer = { normalizeDbError(error: unknown): unknown };

/**
 * Notes each database error for the answer. lite prints it as well, also the expected ones (a denied read), with its stack: the caller has
 * them in full, on the console they would drown what matters.
 */
function watchErrors(connection: unknown): void {
  const normalizer = connection as ErrorNormalizer;
  const normalize = normalizer.normalizeDbError.bind(connection);
  normalizer.normalizeDbError = (error) => {
    const normalized = normalize(error);
    noteDatabaseError(error);
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
