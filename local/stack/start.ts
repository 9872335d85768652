import { join } from "node:path";
import { parseEnv } from "node:util";
import { type FunctionLog, type FunctionsHost, startFunctionsHost } from "../functions-host/start.ts";
import { generateKeys, type ProjectKeys, randomText } from "../gateway/keys.ts";
import { startRestAndAuth } from "../gateway/rest-and-auth.ts";
import { type Routes, startGateway } from "../gateway/start.ts";
import { createUser, inventUser, type NewUser, type User } from "../gateway/users.ts";
import { exists } from "../postgres/installation.ts";
import type { Databases } from "../platform/databases.ts";
import type { Database } from "../postgres/databases.ts";
import { startStripeSimulator, type StripeSimulator, type StripeSimulatorOptions } from "../stripe-simulator/start.ts";
import { provideDatabase } from "./database.ts";
import { lendVaultEntries } from "./vault.ts";
import { startWorkers, type Workers, type WorkersOptions } from "./workers.ts";

export type StackOptions = {
  /** A server with a prepared template, shared by many stacks. Each stack gets its own database. */
  databases?: Databases;
  /** A database on a running server, as superuser. It is kept when the stack stops. */
  dbUrl?: string;
  /** Port of the API; a free one by default. */
  port?: number;
  /** A Stripe server to use instead of a simulator. */
  stripeApiBase?: string;
  simulator?: StripeSimulatorOptions;
  /**
   * Whether the simulator sends its events to `lapse-webhook`, like an endpoint of the account; by default if a project
   * has it.
   */
  webhook?: boolean;
  /** Options for the workers of pg_cron and pg_net. False starts neither, so that nothing runs by itself. */
  workers?: WorkersOptions | false;
  /** False creates neither operator nor viewer, which saves the 0.3 s of bcrypt. */
  users?: boolean;
  /** Adds to the functions' environment, and takes precedence. */
  functionsEnv?: Record<string, string>;
  functionsFolder?: string;
  /** The folder of another project. Its migrations and functions are used instead of the sample shop and those here. */
  project?: string;
  /** By default new ones. A caller who passes them can sign tokens that Auth would not issue. */
  keys?: ProjectKeys;
  onFunctionLog?: (log: FunctionLog) => void;
};

export type Stack = {
  apiUrl: string;
  database: Database;
  publishableKey: string;
  secretKey: string;
  schedulerSecret: string;
  /** The token for `lapse-metrics`. */
  metricsToken: string;
  stripeApiBase: string;
  /** The secret that signs events for `lapse-webhook`. */
  stripeWebhookSecret: string;
  /** Undefined when `stripeApiBase` was given. */
  simulator: StripeSimulator | undefined;
  /** Undefined when `users` is false. */
  operator: User | undefined;
  viewer: User | undefined;
  functions: FunctionsHost;
  /** Undefined when `workers` is false. */
  workers: Workers | undefined;
  /** REST and Auth come back to a database that was gone. */
  reconnect(): Promise<void>;
  createUser(user: NewUser): Promise<User>;
  stop(): Promise<void>;
} & AsyncDisposable;

/**
 * Starts the whole product on one machine: database, REST, Auth, functions, pg_cron, pg_net and Stripe. Takes about 3 s
 * with a new server, 0.5 s on shared `databases`.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const parts = new AsyncDisposableStack();
  try {
    return await assemble(options, parts);
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}

async function hasWebhook({ project }: StackOptions): Promise<boolean> {
  return project !== undefined && await exists(join(project, "supabase", "functions", "lapse-webhook", "index.ts"));
}

/** What the project's own functions expect, as the CLI reads it for `functions serve`. The stack's own values come first. */
async function ownEnvironment(project: string | undefined): Promise<Record<string, string>> {
  const file = project && join(project, "supabase", "functions", ".env");
  if (!file || !await exists(file)) return {};
  return { ...parseEnv(await Deno.readTextFile(file)) } as Record<string, string>;
}

async function assemble(options: StackOptions, parts: AsyncDisposableStack): Promise<Stack> {
  const { database, release } = await provideDatabase(options);
  parts.defer(release);

  const routes: Partial<Routes> = {};
  const gateway = startGateway(routes, { port: options.port });
  parts.defer(gateway.close);
  const { apiUrl } = gateway;

  const keys = options.keys ?? await generateKeys();
  const rest = startRestAndAuth(database.url, { keys, apiUrl });
  parts.defer(rest.close);
  routes.rest = rest.fetch;

  const simulator = options.stripeApiBase === undefined ? await startStripeSimulator(options.simulator) : undefined;
  parts.defer(() => simulator?.close());
  const stripeApiBase = options.stripeApiBase ?? simulator!.apiBase;
  const schedulerSecret = randomText();
  const metricsToken = randomText();
  const stripeWebhookSecret = `whsec_${randomText()}`;
  const functions = await startFunctionsHost({
    folder: options.functionsFolder ?? (options.project && join(options.project, "supabase", "functions")),
    onLog: options.onFunctionLog,
    env: {
      ...await ownEnvironment(options.project),
      SUPABASE_URL: apiUrl,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: keys.publishableKey }),
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: keys.secretKey }),
      SUPABASE_JWKS: JSON.stringify(keys.jwks),
      STRIPE_SECRET_KEY: "sk_test_local",
      STRIPE_API_BASE: stripeApiBase,
      LAPSE_SCHEDULER_SECRET: schedulerSecret,
      LAPSE_METRICS_TOKEN: metricsToken,
      STRIPE_WEBHOOK_SECRET: stripeWebhookSecret,
      ...options.functionsEnv,
    },
  });
  parts.defer(functions.close);
  routes.functions = functions.fetch;

  if (options.webhook ?? await hasWebhook(options)) {
    simulator?.control.setWebhook({ url: `${apiUrl}/functions/v1/lapse-webhook`, secret: stripeWebhookSecret });
  }

  const vault = { lapse_functions_url: `${apiUrl}/functions/v1`, lapse_scheduler_secret: schedulerSecret };
  parts.use(await lendVaultEntries(database.adminUrl, vault));
  const workers = options.workers === false ? undefined : await startWorkers(database, options.workers ?? {});
  parts.defer(() => workers?.stop());

  const newUser = (user: NewUser) =>
    createUser(user, { apiUrl, publishableKey: keys.publishableKey, adminUrl: database.adminUrl });
  const [operator, viewer] = options.users === false
    ? []
    : await Promise.all([newUser(inventUser("operator")), newUser(inventUser("viewer"))]);
  const stop = () => parts.disposeAsync();
  return {
    apiUrl,
    database,
    publishableKey: keys.publishableKey,
    secretKey: keys.secretKey,
    schedulerSecret,
    metricsToken,
    stripeApiBase,
    stripeWebhookSecret,
    simulator,
    operator,
    viewer,
    functions,
    workers,
    reconnect: rest.reconnect,
    createUser: newUser,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
