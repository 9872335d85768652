import { type Databases, startDatabases } from "../../local/platform/databases.ts";
import { withConnection } from "../../local/postgres/databases.ts";
import type { Bench, Size } from "./bench.ts";
import type { Figure } from "./figure.ts";

export type Report = {
  size: Size;
  machine: Record<string, string | number>;
  figures: Figure[];
  /** Missed goals. */
  missed: string[];
  /** Benches that failed, with the reason. A missing figure does not meet its goal. */
  broken: string[];
};

/** What the server gets beyond the local stack's own settings: memory for tables of millions of rows. */
const SERVER = { shared_buffers: "512MB", max_wal_size: "8GB", checkpoint_timeout: "1h" };

/** Runs benches one after the other on one server, each in databases of its own. */
export async function runBenches(
  benches: Bench[],
  { size, onProgress = () => {} }: { size: Size; onProgress?: (line: string) => void },
): Promise<Report> {
  await using databases = await startDatabases({ settings: SERVER });
  const report: Report = { size, machine: await machineOf(databases), figures: [], missed: [], broken: [] };
  for (const bench of benches) {
    const started = performance.now();
    try {
      report.figures.push(...await bench.run(size, databases));
    } catch (error) {
      report.broken.push(`${bench.name}: ${error instanceof Error ? error.stack : error}`);
    }
    onProgress(`${bench.name} took ${((performance.now() - started) / 1_000).toFixed(1)} s`);
  }
  report.missed = [
    ...report.figures.filter(({ met }) => met === false).map(({ bench, figure }) => `${bench}: ${figure}`),
    ...report.broken.map((text) => text.split("\n")[0]!),
  ];
  return report;
}

async function machineOf(databases: Databases): Promise<Report["machine"]> {
  const [row] = await withConnection(
    databases.server.url,
    (sql) => sql`select current_setting('server_version') as version`,
  );
  const versions = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url))).imports;
  const versionOf = (name: string) => String(versions[name]).split("@").at(-1)!;
  return {
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    postgresql: row!.version,
    stripe: versionOf("stripe"),
    zod: versionOf("zod"),
    "@supabase/server": versionOf("@supabase/server"),
    "@supabase/supabase-js": versionOf("@supabase/supabase-js"),
    system: `${Deno.build.os} ${Deno.build.arch}`,
    cores: navigator.hardwareConcurrency,
    loadAtStart: Deno.loadavg()[0]!,
  };
}
