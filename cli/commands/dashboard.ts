import { once } from "node:events";
import process from "node:process";
import { z } from "zod";
import { defineCommand, typedInteger } from "../command.ts";
import { serveDashboard } from "../dashboard/serve.ts";
import { UsageError } from "../errors.ts";
import { readPlace } from "../target.ts";

/** Not used by the stack or by a well-known program. It is fixed, so that the page can be bookmarked. */
const PORT = 4840;

export const dashboard = defineCommand({
  name: "dashboard",
  summary: "Serves the dashboard on 127.0.0.1 until Ctrl-C, for viewers and operators who sign in there",
  options: { port: { value: "N", help: `port (${PORT}); 0: a free one` } },
  input: z.strictObject({ port: typedInteger(0, 65_535).default(PORT) }),
  run: async ({ port }, context) => {
    const place = readPlace((name) => process.env[name]);
    const stop = Promise.race(["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => once(process, signal)));
    const served = await serve(place, port);
    context.progress(`The dashboard of ${place.url} is at ${served.url} Press Ctrl-C to stop it.`);
    await stop;
    await served.close();
    return { well: true, json: { url: served.url, project: place.url }, text: "The dashboard has stopped" };
  },
});

async function serve(place: ReturnType<typeof readPlace>, port: number) {
  try {
    return await serveDashboard(place, { port });
  } catch (error) {
    if ((error as { code?: unknown }).code !== "EADDRINUSE") throw error;
    throw new UsageError(`Cannot serve the dashboard: another program has port ${port}. Choose one with --port N`);
  }
}
