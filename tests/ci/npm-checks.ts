import { join } from "node:path";
import { NOTE, type Tally } from "../support/runner/tally.ts";
import { command, type Ended } from "../support/command.ts";

/** The README's test command, as a reader runs it. */
export async function runNpmTest(): Promise<Tally> {
  return readClosingLine(await command("npm", ["test"], { show: true, limitMinutes: 30 }));
}

/** What `npm run test:all` adds to it. */
export async function runLongTests(): Promise<Tally> {
  return readClosingLine(await command("npm", ["test", "--", "--long"], { show: true, limitMinutes: 120 }));
}

/** The dashboard in Debian's Chromium. */
export async function runDashboardTests(): Promise<Tally> {
  return readClosingLine(await command("npm", ["test", "--", "dashboard"], { show: true, limitMinutes: 10 }));
}

/** The tests that need the real pg_cron; without it none has this name, and a run without tests has failed. `url` is the superuser's way into its database. */
export async function runScheduleTests(url: string): Promise<Tally> {
  const args = ["test", "--", "--filter", "pg_cron, the original", "platform"];
  return readClosingLine(
    await command("npm", args, { show: true, limitMinutes: 10, env: { LAPSE_REAL_PG_CRON_URL: url } }),
  );
}

const NODE_22 = "22.23.5";

/** The installed command on Node 22, whose program npm has as a package: the other checks run on the machine's own Node. */
export async function runOnNode22(): Promise<Tally> {
  const folder = await Deno.makeTempDir({ prefix: "lapse-node-22-" });
  try {
    const name = `node-linux-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}`;
    const quiet = ["--no-save", "--no-audit", "--no-fund", "--silent"];
    const { code, output } = await command("npm", ["install", ...quiet, "--prefix", folder, `${name}@${NODE_22}`]);
    if (code !== 0) throw new Error(`Cannot install Node ${NODE_22}: ${output}`);
    const env = { LAPSE_OTHER_NODES: join(folder, "node_modules", name, "bin", "node") };
    const args = ["test", "--", "install", "--filter", "every supported Node"];
    const ended = await command("npm", args, { show: true, limitMinutes: 10, env });
    const tally = readClosingLine(ended);
    if (ended.output.includes(`Node v${NODE_22} ... ok`)) return tally;
    return { ...tally, failed: tally.failed + 1, notes: [...tally.notes, `Node ${NODE_22} was not tried`] };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** "N passed, N failed", the last line `npm test` prints, and the notes above it. Without it nothing is known, which is one failure. */
export function readClosingLine({ code, output }: Pick<Ended, "code" | "output">): Tally {
  const [, passed, failed] = output.trimEnd().match(/(?:^|\n)(\d+) passed, (\d+) failed$/) ?? [];
  const notes = output.split("\n").filter((line) => line.startsWith(NOTE)).map((line) => line.slice(NOTE.length));
  const tally: Tally = { passed: Number(passed ?? 0), failed: Number(failed ?? 0), skipped: 0, notes };
  if (passed === undefined) {
    tally.failed++;
    tally.notes.push(`npm test ended without its closing line, exit code ${code}`);
  } else if (code !== 0 && tally.failed === 0) {
    tally.failed++;
    tally.notes.push(`npm test ended with exit code ${code}`);
  }
  return tally;
}

/** Fetching what the programs import completes the locks where they lack something; a fresh clone would then use untested versions. */
export async function checkLocks(): Promise<Tally> {
  const { code, output } = await command("git", [
    "diff",
    "--exit-code",
    "--stat",
    "--",
    "deno.lock",
    "package-lock.json",
  ]);
  if (code === 0) return { passed: 1, failed: 0, skipped: 0, notes: [] };
  console.log(output);
  return { passed: 0, failed: 1, skipped: 0, notes: ["deno.lock or package-lock.json differs from the committed one"] };
}
