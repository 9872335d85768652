import { dirname, join } from "node:path";
import { root } from "../support/runner/program.ts";
import { type Fault, plant, StaleFaultError } from "./fault.ts";

/** A copy of the working tree, uncommitted files included, in which faults are planted one at a time. */
export type Workspace = {
  folder: string;
  read(path: string): Promise<string>;
  /** Runs `work` with the fault in place and takes it out again. */
  with<T>(fault: Fault, work: () => Promise<T>): Promise<T>;
} & AsyncDisposable;

export async function copyWorkingTree(): Promise<Workspace> {
  const folder = await Deno.makeTempDir({ prefix: "lapse-mutation-" });
  const read = (path: string) => Deno.readTextFile(join(folder, path));
  for (const path of await ownFiles()) {
    await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
    await copyFile(join(root, path), join(folder, path));
  }
  // PostgreSQL, Deno and the Supabase CLI are 400 MB and contain no faults.
  await Deno.symlink(join(root, "node_modules"), join(folder, "node_modules"));
  const prepared = join(folder, "prepared");
  await makeDatabasesQuick({ folder, prepared });
  return {
    folder,
    read,
    async with(fault, work) {
      const source = await read(fault.file).catch(() => {
        throw new StaleFaultError(`Cannot plant ${fault.name}: ${fault.file} is gone`);
      });
      await Deno.writeTextFile(join(folder, fault.file), plant(fault, source));
      try {
        return await work();
      } finally {
        await Deno.writeTextFile(join(folder, fault.file), source);
        // A template database with a fault, which is not needed again.
        if (!fault.file.endsWith(".ts")) await Deno.remove(prepared, { recursive: true }).catch(() => {});
      }
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/**
 * In the copy, tests that need a database build its template once per fault. They do it without the Supabase CLI, which takes seconds, and
 * keep it in the copy, where it goes with the fault.
 */
async function makeDatabasesQuick({ folder, prepared }: { folder: string; prepared: string }): Promise<void> {
  const file = "local/platform/prepared-data.ts";
  const shelf: Fault = {
    name: "shelf",
    file,
    find: `join(home, "prepared")`,
    replace: JSON.stringify(prepared),
    what: "",
    suite: [],
  };
  await Deno.writeTextFile(join(folder, file), plant(shelf, await Deno.readTextFile(join(root, file))));
  await Deno.writeTextFile(join(folder, "local/platform/migrate.ts"), QUICK_MIGRATE);
}

const QUICK_MIGRATE = `
import { join } from "node:path";
import { withConnection } from "../postgres/databases.ts";

export async function migrate(url: string, project = Deno.cwd()): Promise<void> {
  const names = [...Deno.readDirSync(join(project, "migrations"))].map(({ name }) => name).filter((name) => name.endsWith(".sql"));
  await withConnection(url, async (sql) => {
    await sql\`set role postgres\`;
    for (const name of names.sort()) {
      const text = await Deno.readTextFile(join(project, "migrations", name));
      await sql.begin((transaction) => transaction.unsafe(text).simple());
    }
  });
}
`;

async function ownFiles(): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args: ["ls-files", "--cached", "--others", "--exclude-standard", "-z"],
    cwd: root,
  }).output();
  if (!success) throw new Error(`Cannot list the files to copy: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).split("\0").filter((path) => path !== "");
}

async function copyFile(from: string, to: string): Promise<void> {
  try {
    const { isSymlink } = await Deno.lstat(from);
    if (isSymlink) await Deno.symlink(await Deno.readLink(from), to);
    else await Deno.copyFile(from, to);
  } catch (error) {
    // Deleted, and not committed yet.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
