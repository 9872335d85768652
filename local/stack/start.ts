import { join } from "node:path";
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
  /** A server with a prepared template that many stacks share; each stack gets a database of its own. */
  databases?: Databases;
  /** A database on a server that runs already, reached as superuser. Stays as it is when the stack stops. */
  dbUrl?: string;
  /** Port of the API; a free one by default. */
  port?: number;
  /** Another Stripe server than a simulator of the stack's own. */
  stripeApiBase?: string;
  simulator?: StripeSimulatorOptions;
  /** True: the simulator sends its events to `lapse-webhook`, as an endpoint of the account would; by default where a project has it. */
  webhook?: boolean;
  /** Of pg_cron and pg_net; false leaves them out, so that nothing happens by itself. */
  workers?: WorkersOptions | false;
  /** False leaves the operator and the viewer out, and the 0.3 s that bcrypt takes. */
  users?: boolean;
  /** Added to, or replacing, the functions' environment. */
  functionsEnv?: Record<string, string>;
  functionsFolder?: string;
  /** Folder of somebody's project: its migrations and functions instead of the sample shop and those here. */
  project?: string;
  /** Fresh ones by default. A caller who passes them can sign a user's token that Auth would not issue. */
  keys?: ProjectKeys;
  onFunctionLog?: (log: FunctionLog) => void;
};

export type Stack = {
  apiUrl: string;
  database: Database;
  publishableKey: string;
  secretKey: string;
  schedulerSecret: string;
  /** Opens `lapse-metrics`. */
  metricsToken: string;
  stripeApiBase: string;
  /** Signs events for `lapse-webhook`. */
  stripeWebhookSecret: string;
  /** Undefined when `stripeApiBase` was given. */
  simulator: StripeSimulator | undefined;
  /** Undefined when `users` is false. */
  operator: User | undefined;
  viewer: User | undefined;
  functions: FunctionsHost;
  /** Undefined when `workers` is false. */
  workers: Workers | undefined;
  createUser(user: NewUser): Promise<User>;
  stop(): Promise<void>;
} & AsyncDisposable;

/**
 * Starts the whole product on one machine: database, REST, Auth, functions, pg_cron and pg_net, and Stripe. About 3 s
 * with a server of its own, 0.5 s on shared `databases`.
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
    createUser: newUser,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
