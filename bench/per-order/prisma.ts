import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSION = "7.10.0";
const sources = fileURLToPath(new URL(".", import.meta.url));
const workshop = fileURLToPath(new URL("../../.lapse/prisma/", import.meta.url));

/** Runs the Prisma loop; answers milliseconds, or why Prisma cannot be had here (it takes npm and 300 MB once). */
export async function prismaLoop(
  url: string,
  { orders, atOnce }: { orders: number; atOnce: number },
): Promise<{ ms: number; version: string } | { why: string }> {
  const why = await install();
  if (why !== null) return { why };
  const { code, stdout, stderr } = await run("node", ["prisma-loop.mjs", url, `${orders}`, `${atOnce}`]);
  if (code !== 0) throw new Error(`Cannot run the Prisma loop: ${stderr.slice(0, 2_000)}`);
  const answer = JSON.parse(stdout.trim().split("\n").at(-1)!);
  if (answer.orders < orders) throw new Error(`Cannot compare: the loop expired ${answer.orders} of ${orders}`);
  return { ms: answer.ms, version: VERSION };
}

/** Installs Prisma and makes its client, once. Answers null, or why not. */
async function install(): Promise<string | null> {
  await Deno.mkdir(workshop, { recursive: true });
  for (const file of ["schema.prisma", "prisma.config.mjs", "prisma-loop.mjs"]) {
    await Deno.copyFile(join(sources, file), join(workshop, file));
  }
  const stamp = join(workshop, "made");
  const made = await Deno.readTextFile(stamp).catch(() => "");
  if (made === VERSION) return null;
  await Deno.writeTextFile(join(workshop, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const packages = ["prisma", "@prisma/client", "@prisma/adapter-pg"].map((name) => `${name}@${VERSION}`);
  const installed = await run("npm", [
    "install",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    ...packages,
  ]);
  if (installed.code !== 0) return `npm cannot install Prisma ${VERSION}`;
  const generated = await run("node", ["node_modules/prisma/build/index.js", "generate"], {
    // The client of Prisma 7 needs no engine. The CLI wants one for migrations, which nobody makes here; any program will do.
    PRISMA_SCHEMA_ENGINE_BINARY: Deno.execPath(),
  });
  if (generated.code !== 0) return `Prisma's client cannot be made: ${generated.stderr.slice(0, 500)}`;
  await Deno.writeTextFile(stamp, VERSION);
  return null;
}

async function run(program: string, args: string[], env: Record<string, string> = {}) {
  try {
    const output = await new Deno.Command(program, { args, cwd: workshop, env, stdout: "piped", stderr: "piped" })
      .output();
    const text = new TextDecoder();
    return { code: output.code, stdout: text.decode(output.stdout), stderr: text.decode(output.stderr) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { code: 127, stdout: "", stderr: `${program} is not installed` };
  }
}
