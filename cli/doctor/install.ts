import process from "node:process";
import { VERSION } from "../../functions/_shared/version.ts";
import { isOpen } from "../install/config-file.ts";
import { hashOf, type Lock } from "../install/lock.ts";
import { isPackaged } from "../install/release.ts";
import { adapterOf, findMigration, openRepository, type Repository } from "../install/repository.ts";
import { deploy, PUSH } from "../supabase.ts";
import { NOT_IN_REPOSITORY } from "./database.ts";
import { fault, type Finding, listed, notChecked, ok } from "./finding.ts";

/** The shop's repository, if the command was started in one. */
export function findRepository(): Repository | null {
  try {
    return openRepository(process.cwd());
  } catch {
    // Not a Supabase project, or its files cannot be read. The other checks do not need it.
    return null;
  }
}

/** Whether the repository still has all installed files, unchanged. */
export function judgeInstall(repository: Repository | null): Finding {
  if (repository === null || repository.lock === null) {
    return isPackaged ? notChecked("install", NOT_IN_REPOSITORY) : ok("install", "this is Lapse's own repository");
  }
  const { lock, config } = repository;
  const lost = lock.migrations.filter((entry) => !findMigration(repository, entry)).map(({ name }) =>
    `migration ${name}`
  );
  if (lost.length > 0) {
    const fix = "git log --diff-filter=DM --name-only supabase/migrations, and restore what it was";
    return fault("install", `changed or gone: ${listed(lost)}`, fix);
  }
  const missing: string[] = [];
  const edited: string[] = [];
  for (const [slug, hashes] of Object.entries(lock.functions)) {
    const files = repository.filesOf(slug);
    for (const [path, hash] of Object.entries(hashes)) {
      if (files[path] === undefined) missing.push(`${slug}/${path}`);
      else if (hashOf(files[path]!) !== hash) edited.push(`${slug}/${path}`);
    }
    if (!isOpen(config.name, config.text, slug)) {
      missing.push(`verify_jwt = false for ${slug} in supabase/${config.name}`);
    }
  }
  if (missing.length > 0) return fault("install", `missing: ${listed(missing)}`, "npm run lapse -- init");
  if (edited.length > 0) return fault("install", `edited: ${listed(edited)}`, "npm run lapse -- update --force");
  const adapter = adapterOf(repository);
  if (adapter?.contract && adapter.contract !== lock.contract) {
    const what =
      `the adapter is for version ${adapter.contract} of the contract, and this release needs ${lock.contract}`;
    return fault("install", what, "npm run lapse -- adapter, in a new migration (docs/adapter.md)");
  }
  return ok("install", `supabase/lapse.json and the files agree on release ${lock.version}`);
}

type Versions = { database: string | null; functions: Record<string, string | null> };

/** Whether the database, the deployed functions, the repository and this command have the same release. */
export function judgeVersions({ database, functions }: Versions, lock: Lock | null): Finding {
  const wanted = lock?.version ?? VERSION;
  if (wanted !== VERSION) {
    const what = `the repository has release ${wanted}, and this command is ${VERSION}`;
    return fault("versions", what, "npm run lapse -- update with the newer package");
  }
  if (database === null) return notChecked("versions", "the database does not say which release it has");
  if (database !== wanted) {
    return fault("versions", `the database has release ${database}, and not ${wanted}`, PUSH);
  }
  const others = Object.entries(functions).filter(([, version]) => version !== null && version !== wanted);
  if (others.length > 0) {
    const what = others.map(([name, version]) => `${name} is of release ${version}`).join("; ");
    return fault(
      "versions",
      `${what}, and not ${wanted}`,
      deploy(...others.map(([it]) => it)),
    );
  }
  const silent = Object.entries(functions).filter(([, version]) => version === null).map(([name]) => name);
  return ok(
    "versions",
    `release ${wanted} everywhere${silent.length > 0 ? `; not reported by ${silent.join(", ")}` : ""}`,
  );
}
