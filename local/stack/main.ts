import process from "node:process";
import { parseArgs } from "node:util";
import { startStack } from "./start.ts";
import { announceStack } from "./announce.ts";

const usage = "Usage: npm run stack -- [--json] [--db-url URL] [--stripe-api-base URL] [--port N]";

/** `npm run stack`: starts the local stack, says where it is, and runs until it is told to stop. */
async function main(): Promise<void> {
  const options = readArguments();
  const stop = stopSignal();
  await using stack = await startStack({
    dbUrl: options["db-url"],
    stripeApiBase: options["stripe-api-base"],
    port: options.port,
    // Standard output belongs to the one JSON line.
    onFunctionLog: ({ function: name, line }) => console.error(`${name}: ${line}`),
  });
  const account = (user = { email: "", password: "" }) => ({ email: user.email, password: user.password });
  const description = {
    apiUrl: stack.apiUrl,
    dbUrl: stack.database.url,
    publishableKey: stack.publishableKey,
    secretKey: stack.secretKey,
    schedulerSecret: stack.schedulerSecret,
    stripeApiBase: stack.stripeApiBase,
    stripeControlUrl: stack.simulator?.controlUrl ?? null,
    operator: account(stack.operator),
    viewer: account(stack.viewer),
  };
  await using _announced = await announceStack(description);
  console.log(options.json ? JSON.stringify(description) : inWords(description));
  await stop;
}

type Description = Record<string, unknown> & { operator: { email: string; password: string } };

function inWords(description: Description): string {
  const lines = Object.entries(description)
    .filter(([, value]) => value !== null)
    .map(([name, value]) =>
      `  ${name.padEnd(18)}${typeof value === "string" ? value : Object.values(value as object).join(" / ")}`
    );
  return ["The local stack is running. Press Ctrl-C to stop it.", "", ...lines].join("\n");
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: "boolean", default: false },
        "db-url": { type: "string" },
        "stripe-api-base": { type: "string" },
        port: { type: "string" },
      },
    });
    const port = values.port === undefined ? undefined : Number(values.port);
    if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65_536)) {
      throw new Error(`Cannot read --port as a port: current value is ${values.port}`);
    }
    return { ...values, port };
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    Deno.exit(2);
  }
}

/** Resolves at the first SIGINT or SIGTERM, or when the program that started this one is gone; further signals change nothing. */
function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, () => resolve());
  const parent = process.ppid;
  // A killed parent sends no signal, and a stack nobody can stop keeps its ports and its server for ever.
  Deno.unrefTimer(setInterval(() => process.ppid !== parent && resolve(), 1_000));
  return promise;
}

await main();
Deno.exit();
