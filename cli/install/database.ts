import { readDatabase } from "../read-database.ts";

/** The state of the database that Lapse is installed into. `version`: the installed release of Lapse. */
export type Installed = { applied: string[]; version: string | null; clashes: string[] };

/** Reads only. pg_cron and the history of migrations may be missing. */
export async function lookAtDatabase(url: string): Promise<Installed> {
  return await readDatabase(url, async (sql) => {
    const [has] = await sql`
      select to_regclass('supabase_migrations.schema_migrations') is not null as history,
        to_regclass('cron.job') is not null as cron, to_regprocedure('lapse.version()') is not null as version`;
    const applied = has!.history
      ? await sql<{ version: string }[]>`select version from supabase_migrations.schema_migrations order by version`
      : [];
    const [own] = has!.version ? await sql<{ version: string }[]>`select lapse.version() as version` : [];
    const taken = own ? [] : await sql<{ name: string }[]>`
      select format('schema %s', n.nspname) as name from pg_namespace n where n.nspname in ('lapse', 'lapse_shop')
      union all
      select format('public.%s', c.relname) from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relname like 'lapse\\_%'
      union all
      select format('public.%s()', p.proname) from pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.proname like 'lapse\\_%'
      order by 1`;
    const jobs = own || !has!.cron ? [] : await sql<
      { name: string }[]
    >`select format('cron job %s', j.jobname) as name from cron.job j where j.jobname like 'lapse-%' order by 1`;
    return {
      applied: applied.map(({ version }) => version),
      version: own?.version ?? null,
      clashes: [...taken, ...jobs].map(({ name }) => name),
    };
  });
}
