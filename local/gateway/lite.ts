import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";
import type postgres from "postgres";
import type { ProjectKeys } from "./keys.ts";
import { answerLikePostgrest, noteDatabaseError } from "./postgrest-errors.ts";

export type Lite = {
  fetch(request: Request): Promise<Response>;
  /** The connections of lite itself, as a role that sees every table. */
  sql: postgres.Sql;
  /** What lite read of the schema; undefined before the first request. */
  schema(): unknown;
  close(): Promise<void>;
};

/**
 * REST and Auth on the database behind `url`, provided by @supabase/lite. The role in `url` must see every table, as
 * `postgres` does. Each request runs as anon, authenticated or service_role. The schema is read at the first request
 * and cached, unless `schema` is what another lite read: until the first request is done, all others read it as well.
 */
export function startLite(url: string, keys: ProjectKeys, schema?: unknown): Lite {
  const connection = connect(url);
  const known = connection as unknown as { introspection: unknown };
  if (schema !== undefined) known.introspection = schema;
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
    schema: () => known.introspection,
    close: () => close(connection),
  };
}

/** Creates Auth's tables, which every hosted project has from the beginning: a migration may refer to `auth.users`. */
export async function createAuthTables(url: string): Promise<void> {
  const connection = connect(url);
  try {
    const { driver: sql } = connection;
    const [migrations] = await sql`select to_regnamespace('supabase_migrations') is not null as there`;
    await new App({ connection, auth: { enabled: true } } as ConstructorParameters<typeof App>[0]).ensureSystemSchema();
    // lite would also create the CLI's table of migrations, owned by the connected role. The CLI creates it itself,
    // owned by the role that migrates.
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
      // Like PostgREST, sets the role's time limit on every request. This is the limit of `authenticated`.
      connection: { statement_timeout: 8_000 },
      types: {
        // The arguments of functions are text already; lite's own serializer would encode them again.
        jsonb: {
          to: 3802,
          from: [3802],
          serialize: (value: unknown) => typeof value === "string" ? value : JSON.stringify(value),
          parse: (text: string) => JSON.parse(text),
        },
        // Results are formatted by the database as JSON, as in PostgREST: ISO timestamps, and numbers as numbers.
        timestamptz: { to: 1184, from: [1184], serialize: asIs, parse: (text: string) => jsonTime(text, ":00") },
        timestamp: { to: 1114, from: [1114], serialize: asIs, parse: (text: string) => jsonTime(text, "") },
        numeric: { to: 1700, from: [1700], serialize: String, parse: jsonNumber },
      },
    },
  });
  // In any other mode lite grants the API roles everything on every table, and Lapse's own grants would not be tested.
  (connection as unknown as { rlsState: string }).rlsState = "active";
  watchErrors(connection);
  return connection;
}

/** connection.close() would wait without limit, even for the transaction of a client that was killed. */
function close(connection: ReturnType<typeof createPostgresConnection>): Promise<void> {
  return connection.driver.end({ timeout: 1 });
}

function asIs(text: string): string {
  return text;
}

/** Formats `2026-11-29 15:17:04.5+00` as ISO 8601; `infinity` stays as it is. */
function jsonTime(text: string, minutes: string): string {
  return /^\d/.test(text) ? text.replace(" ", "T") + (/[+-]\d\d$/.test(text) ? minutes : "") : text;
}

function jsonNumber(text: string): number | string {
  return Number.isFinite(Number(text)) ? Number(text) : text;
}

type ErrorNormalizer = { normalizeDbError(error: unknown): unknown };

/**
 * Records each database error for the answer. lite also prints it with a stack, even an expected one such as a denied
 * read. That is suppressed, because the caller gets the complete error.
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
