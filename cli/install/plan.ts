import { functionsIn, isOpen, withFunctions, withoutFunctions } from "./config-file.ts";
import { hashesOf, hashOf, LOCK, type Lock, writeLock } from "./lock.ts";
import { deltasBetween, type Files, type Release } from "./release.ts";
import { adapterOf, creatorOf, findMigration, type Repository } from "./repository.ts";
import { nextVersion } from "./stamps.ts";

/** A change of one file, by its path below the project's folder. `text` null removes it. */
export type Change = { path: string; text: string | null; note: string };

/** What a command would write. If anything is `refused`, it writes nothing. */
export type Plan = { changes: Change[]; refused: string[]; notes: string[] };

/** What the plans are made from. `applied`: the migrations already applied to a database, if one was inspected. */
export type Setting = { repository: Repository; release: Release; applied: string[]; now: Date; force?: boolean };

export const backupOf = (config: string) => `supabase/${config}.before-lapse`;

/**
 * Installs Lapse, or completes an interrupted install. `adapter`: the shop's adapter, if it must be written as well.
 */
export function planInit(setting: Setting, { adapter }: { adapter: string | null }): Plan {
  const { repository, release } = setting;
  const { lock } = repository;
  if (lock !== null && lock.version !== release.version) {
    return refusing(
      `Lapse ${lock.version} is installed here, and this package is ${release.version}: use lapse update`,
    );
  }
  const plan = new Planner(setting);
  const migrations = plan.installed();
  const functions = Object.keys(release.functions);
  for (const slug of functions) plan.completeFunction(slug);
  plan.declare(functions);
  if (adapter !== null && adapterOf(repository) === null) {
    plan.migration("lapse_adapter", adapter, "your adapter: yours to change; updates never touch it");
  }
  return plan.finish({ version: release.version, contract: release.contract, migrations });
}

/** Updates an install to this package's release. */
export function planUpdate(setting: Setting): Plan {
  const { repository, release } = setting;
  const { lock } = repository;
  if (lock === null) return refusing("Lapse is not installed here: use lapse init");
  const plan = new Planner(setting);
  const migrations = deltasBetween(release, lock.version, release.version).map(({ from, to, sql }) => {
    const text = headed(`Lapse ${to}: what changes in the database since ${from}`, sql);
    return plan.migration(nameOf(to), text, `the database of ${to}`, to);
  });
  const functions = Object.keys(release.functions);
  const gone = Object.keys(lock.functions).filter((slug) => !functions.includes(slug));
  for (const slug of functions) plan.replaceFunction(slug);
  for (const slug of gone) plan.removeFunction(slug);
  plan.declare(functions, gone);
  const adapter = adapterOf(repository);
  if (adapter !== null && adapter.contract !== release.contract) {
    plan.notes.push(
      `Your adapter is for version ${
        adapter.contract ?? "?"
      } of the contract, and this release needs ${release.contract}: ` +
        "no run starts until a migration of yours replaces it (docs/adapter.md). Push both together",
    );
  }
  return plan.finish({
    version: release.version,
    contract: release.contract,
    migrations: [...lock.migrations, ...migrations],
  });
}

/** Uninstalls Lapse. Applied migrations stay, because the CLI refuses a history with missing files. */
export function planUninstall(setting: Setting): Plan {
  const { repository, release } = setting;
  const { lock, config } = repository;
  if (lock === null) return refusing("Lapse is not installed here: there is no supabase/lapse.json");
  const plan = new Planner(setting);
  plan.migration(
    "lapse_uninstall",
    headed("Removes Lapse from the database", release.uninstall),
    "refuses while an order is being worked on or a refund is under way",
  );
  const functions = Object.keys(lock.functions);
  for (const slug of functions) plan.removeFunction(slug);
  plan.declare([], functions);
  plan.changes.push({ path: backupOf(config.name), text: null, note: "the copy from before Lapse" });
  plan.changes.push({ path: `supabase/${LOCK}`, text: null, note: "the record of what is installed" });
  return plan;
}

function refusing(why: string): Plan {
  return { changes: [], refused: [why], notes: [] };
}

function nameOf(release: string): string {
  return `lapse_${release.replaceAll(/\W/g, "_")}`;
}

function headed(what: string, sql: string): string {
  return `-- ${what}. Written by \`lapse\`. Do not edit it: its hash is in ${LOCK}.\n\n${sql}`;
}

/** Collects the changes of one plan. */
class Planner implements Plan {
  changes: Change[] = [];
  refused: string[] = [];
  notes: string[] = [];
  private readonly versions: string[];
  private readonly hashes: Lock["functions"] = {};

  constructor(private readonly setting: Setting) {
    this.versions = [...setting.repository.migrations.map(({ version }) => version), ...setting.applied];
  }

  migration(name: string, text: string, note: string, release = this.setting.release.version) {
    const version = nextVersion(this.versions, this.setting.now);
    this.versions.push(version);
    this.changes.push({ path: `supabase/migrations/${version}_${name}.sql`, text, note });
    return { name, release, sha256: hashOf(text) };
  }

  /** Lapse's migrations: those in the lock, the one left by an interrupted init, or a new one. */
  installed(): Lock["migrations"] {
    const { repository, release } = this.setting;
    const known = repository.lock?.migrations;
    if (known !== undefined) {
      for (const entry of known.filter((it) => !findMigration(repository, it))) {
        this.refused.push(
          `The migration ${entry.name} was changed or is gone: restore it from the repository's history`,
        );
      }
      return known;
    }
    const text = headed(`Lapse ${release.version}, all of it`, release.install);
    const creator = creatorOf(repository, "lapse");
    if (creator !== undefined && hashOf(creator.text) === hashOf(text)) {
      return [{ name: creator.name, release: release.version, sha256: hashOf(text) }];
    }
    for (const schema of ["lapse", "lapse_shop"]) {
      const taken = creatorOf(repository, schema);
      if (taken) this.refused.push(`The schema ${schema} is taken: ${taken.file} creates it`);
    }
    return [this.migration(nameOf(release.version), text, "all of Lapse, in the schemas lapse and lapse_shop")];
  }

  /** Writes the missing files of a function. Edited files stay: only an update replaces them. */
  completeFunction(slug: string): void {
    const { repository, release } = this.setting;
    const known = repository.lock?.functions[slug];
    const [wanted, found] = [release.functions[slug]!, repository.filesOf(slug)];
    const isOwn = known !== undefined || Object.keys(found).every((path) => same(found[path], wanted[path]));
    if (!isOwn) {
      this.refused.push(
        `The name ${slug} is taken: supabase/functions/${slug} is not Lapse's, and Lapse's schedule calls a function of that name`,
      );
    }
    for (const path of Object.keys(wanted)) {
      if (found[path] === undefined) this.write(slug, path, wanted);
      else if (!same(found[path], wanted[path])) {
        this.notes.push(
          `supabase/functions/${slug}/${path} was edited and stays as it is; lapse update --force replaces it`,
        );
      }
    }
    this.hashes[slug] = hashesOf(wanted);
  }

  replaceFunction(slug: string): void {
    const { repository, release } = this.setting;
    if (repository.lock!.functions[slug] === undefined) return this.completeFunction(slug);
    const [wanted, found] = [release.functions[slug]!, repository.filesOf(slug)];
    this.refuseEdited(slug, wanted);
    for (const path of Object.keys(wanted)) {
      if (!same(found[path], wanted[path])) this.write(slug, path, wanted);
    }
    const old = Object.keys(repository.lock!.functions[slug]!).filter((path) => !(path in wanted) && path in found);
    for (const path of old) this.remove(slug, path);
    this.hashes[slug] = hashesOf(wanted);
  }

  removeFunction(slug: string): void {
    this.refuseEdited(slug);
    const found = this.setting.repository.filesOf(slug);
    for (const path of Object.keys(this.setting.repository.lock!.functions[slug]!)) {
      if (path in found) this.remove(slug, path);
    }
  }

  /** Adds or removes the functions' sections in the configuration, and keeps a copy of the original. */
  declare(functions: string[], gone: string[] = []): void {
    const { config, lock } = this.setting.repository;
    const known = Object.keys(lock?.functions ?? {});
    const taken = functions.filter((slug) => config.functions.includes(slug) && !known.includes(slug));
    const text = withoutFunctions(config.name, withFunctions(config.name, config.text, functions), gone);
    for (const slug of taken.filter((it) => !isOpen(config.name, config.text, it))) {
      this.refused.push(`The section of ${slug} in supabase/${config.name} lacks verify_jwt = false: add it`);
    }
    if (text === config.text) return;
    const added = functionsIn(config.name, text).filter((slug) => !config.functions.includes(slug));
    const note = gone.length > 0
      ? `sections taken out: ${gone.join(", ")}`
      : `sections added: ${added.join(", ")}; all else stays byte for byte`;
    if (functions.length > 0) {
      this.changes.push({ path: backupOf(config.name), text: config.text, note: "a copy from before" });
    }
    this.changes.push({ path: `supabase/${config.name}`, text, note });
  }

  /** The lock is written last: without it, an interrupted install starts over. */
  finish(lock: Pick<Lock, "version" | "contract" | "migrations">): Plan {
    const text = writeLock({ ...lock, functions: this.hashes });
    const { lock: before } = this.setting.repository;
    if (before === null || writeLock({ ...before }) !== text) {
      this.changes.push({ path: `supabase/${LOCK}`, text, note: `what is installed: release ${lock.version}` });
    }
    return this;
  }

  private refuseEdited(slug: string, wanted: Files = {}): void {
    const { repository, force = false } = this.setting;
    const found = repository.filesOf(slug);
    const edited = Object.entries(repository.lock!.functions[slug]!)
      .filter(([path, hash]) => path in found && hashOf(found[path]!) !== hash && !same(found[path], wanted[path]))
      .map(([path]) => `supabase/functions/${slug}/${path}`);
    if (edited.length === 0) return;
    if (force) this.notes.push(`${edited.join(", ")} was edited here; the edits are lost`);
    else this.refused.push(`${edited.join(", ")} was edited here. Save your change elsewhere, then use --force`);
  }

  private write(slug: string, path: string, files: Files): void {
    this.changes.push({ path: `supabase/functions/${slug}/${path}`, text: files[path]!, note: "the function" });
  }

  private remove(slug: string, path: string): void {
    this.changes.push({ path: `supabase/functions/${slug}/${path}`, text: null, note: "the function" });
  }
}

function same(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && hashOf(one) === hashOf(other);
}
