// The Supabase CLI's commands as people type them. Since version 3 `db push` pushes to the local database by default.

export const PUSH = "npx supabase db push --remote --yes";

/** Bundled by the server: without `--use-api` the CLI needs Docker. */
export function deploy(...functions: string[]): string {
  return `npx supabase functions deploy --use-api ${functions.join(" ")}`;
}

export function setSecret(assignment: string): string {
  return `npx supabase secrets set --yes ${assignment}`;
}
