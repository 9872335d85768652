import { withConnection } from "../postgres/databases.ts";
import { randomText } from "./keys.ts";

export type NewUser = { email: string; password: string; app_metadata?: Record<string, unknown> };
export type User = { id: string; email: string; password: string };

/**
 * Creates a user who can sign in, with `app_metadata`, which only the project's owner can set. It signs up and then
 * uses SQL, because @supabase/lite has no admin API. A user with the same address from an earlier stack is replaced.
 */
export async function createUser(
  user: NewUser,
  options: { apiUrl: string; publishableKey: string; adminUrl: string },
): Promise<User> {
  await withConnection(options.adminUrl, (sql) => sql`delete from auth.users where email = ${user.email}`);
  const response = await fetch(`${options.apiUrl}/auth/v1/signup`, {
    method: "POST",
    headers: { apikey: options.publishableKey, "content-type": "application/json" },
    body: JSON.stringify({ email: user.email, password: user.password }),
  });
  const body = await response.json();
  if (!response.ok) {
    throw new Error(`Cannot create user ${user.email}: sign-up answered ${response.status} ${JSON.stringify(body)}`);
  }
  const metadata = { provider: "email", providers: ["email"], ...user.app_metadata };
  await withConnection(
    options.adminUrl,
    (sql) => sql`update auth.users set raw_app_meta_data = ${sql.json(metadata as never)} where email = ${user.email}`,
  );
  return { id: body.user.id, email: user.email, password: user.password };
}

/** An operator or viewer with a reserved domain and a random password. */
export function inventUser(role: "operator" | "viewer"): NewUser & { password: string } {
  return { email: `${role}@lapse.test`, password: randomText(), app_metadata: { lapse_role: role } };
}
