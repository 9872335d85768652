import { applyPlatform } from "../../local/platform/apply.ts";
import { provideExtensions } from "../../local/platform/extensions.ts";
import { migrate } from "../../local/platform/migrate.ts";
import { createDatabase, type Database } from "../../local/postgres/databases.ts";
import { installPackage, lapse, pack, succeed } from "../install/package.ts";
import { KINDS, makeRepository } from "../repositories/repositories.ts";
import { command } from "../support/command.ts";
import { fail, noTally, type Tally } from "../support/runner/tally.ts";

/**
 * What pg_dump says of an install by `lapse init` and of one from migrations/, and of a database before an install and after an uninstall:
 * nothing differs. `adminUrl` is a server that pg_dump of this machine can read.
 */
export async function compareDumps(adminUrl: string): Promise<Tally> {
  const tally = noTally();
  const folder = await Deno.makeTempDir({ prefix: "lapse-installed-" });
  const repository = await makeRepository(KINDS.find(({ name }) => name === "sequential names")!);
  try {
    await installPackage(await pack(), folder);
    const step = async (...args: string[]) => {
      succeed(await lapse(folder, [...args, "--yes", "--project", repository]));
      await migrate(installed.url, repository);
      return await dumpOf(installed);
    };
    const [direct, installed] = [
      await preparedDatabase(adminUrl, "dump_direct"),
      await preparedDatabase(adminUrl, "dump_installed"),
    ];
    await migrate(installed.url, repository);
    const before = await dumpOf(installed);
    await migrate(direct.url);
    const own = (dump: string) => dump.split("\n").filter((line) => !before.includes(line)).join("\n");
    compare("an install from the repository's migrations", [own(await dumpOf(direct)), own(await step("init"))]);
    compare("the database before Lapse", [before, await step("uninstall")]);
  } finally {
    await Deno.remove(folder, { recursive: true });
    await Deno.remove(repository, { recursive: true });
  }
  return tally;

  function compare(what: string, [one, other]: [string, string]): void {
    if (one === other && one.length > 1_000) tally.passed++;
    else fail(tally, `pg_dump sees a difference from ${what}`);
  }
}

async function preparedDatabase(adminUrl: string, name: string): Promise<Database> {
  const database = await createDatabase(adminUrl, { name });
  await applyPlatform(database.adminUrl);
  await provideExtensions(database.adminUrl);
  return database;
}

/** The schemas that a shop and Lapse have. Newer versions begin and end a dump with a random word. */
async function dumpOf({ adminUrl }: Database): Promise<string> {
  const schemas = ["public", "lapse*"].map((schema) => `--schema=${schema}`);
  const { code, stdout, output } = await command("pg_dump", ["--schema-only", ...schemas, `--dbname=${adminUrl}`]);
  if (code !== 0) throw new Error(`Cannot dump the database: ${output}`);
  return stdout.replaceAll(/^\\(un)?restrict .*$/gm, "");
}
