import { refuseSwallowed } from "../npm-options.ts";
import { announceStack } from "./announce.ts";
import { readStackArguments, stackOptions, stackUsage } from "./arguments.ts";
import { type Stack, startStack } from "./start.ts";
import { stopSignal } from "./stop-signal.ts";

/** `npm run stack`: starts the local stack, prints its addresses, and runs until it is stopped. */
async function main(): Promise<void> {
  const options = readArguments();
  const stop = stopSignal();
  await using stack = await start(options);
  const account = (user = { email: "", password: "" }) => ({ email: user.email, password: user.password });
  const description = {
    apiUrl: stack.apiUrl,
    dbUrl: stack.database.url,
    publishableKey: stack.publishableKey,
    secretKey: stack.secretKey,
    schedulerSecret: stack.schedulerSecret,
    metricsToken: stack.metricsToken,
    stripeApiBase: stack.stripeApiBase,
    stripeControlUrl: stack.simulator?.controlUrl ?? null,
    stripeWebhookSecret: stack.stripeWebhookSecret,
    operator: account(stack.operator),
    viewer: account(stack.viewer),
  };
  await using announced = await announceStack(description);
  if (announced.replaced) {
    console.error(`Another stack runs at ${announced.replaced}; until this one stops, the commands talk to this one`);
  }
  console.log(options.json ? JSON.stringify(description) : inWords(description));
  await stop;
}

type Options = ReturnType<typeof readStackArguments>;

async function start(options: Options): Promise<Stack> {
  try {
    return await startStack({
      dbUrl: options["db-url"],
      stripeApiBase: options["stripe-api-base"],
      project: options.project,
      port: options.port,
      webhook: options.project === undefined ? true : undefined,
      // Standard output has only the line of JSON.
      onFunctionLog: ({ function: name, line }) => console.error(`${name}: ${line}`),
    });
  } catch (error) {
    const what = error instanceof Deno.errors.AddrInUse
      ? `Cannot start the stack on port ${options.port} as another program has it`
      : `Cannot start the stack: ${error instanceof Error ? error.message : error}`;
    console.error(what);
    Deno.exit(1);
  }
}

type Description = Record<string, unknown> & { operator: { email: string; password: string } };

/** The names used in the examples of README.md and docs/. */
const VARIABLES = {
  API_URL: "apiUrl",
  PUBLISHABLE_KEY: "publishableKey",
  SECRET_KEY: "secretKey",
  SCHEDULER_SECRET: "schedulerSecret",
  METRICS_TOKEN: "metricsToken",
  DB_URL: "dbUrl",
  STRIPE_API_BASE: "stripeApiBase",
};

function inWords(description: Description): string {
  const lines = Object.entries(description)
    .filter(([, value]) => value !== null)
    .map(([name, value]) =>
      `  ${name.padEnd(21)}${typeof value === "string" ? value : Object.values(value as object).join(" / ")}`
    );
  const { email, password } = description.operator;
  const variables = Object.entries(VARIABLES).map(([name, from]) => `${name}=${description[from]}`);
  return [
    "The local stack is running. Press Ctrl-C to stop it.",
    "",
    ...lines,
    "",
    "For the examples of the documents, in another terminal:",
    "",
    `export ${variables.join(" ")} EMAIL=${email} PASSWORD=${password}`,
  ].join("\n");
}

function readArguments(): Options {
  refuseSwallowed(stackOptions);
  try {
    const options = readStackArguments(Deno.args);
    if (!options.help) return options;
    console.log(stackUsage);
    Deno.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n${stackUsage.split("\n")[0]}`);
    Deno.exit(2);
  }
}

await main();
Deno.exit();
