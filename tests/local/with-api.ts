import { generateKeys, type ProjectKeys } from "../../local/gateway/keys.ts";
import { createAuthTables } from "../../local/gateway/lite.ts";
import { startRestAndAuth } from "../../local/gateway/rest-and-auth.ts";
import { type Routes, startGateway } from "../../local/gateway/start.ts";
import { createUser, inventUser, type NewUser, type User } from "../../local/gateway/users.ts";
import { applyPlatform } from "../../local/platform/apply.ts";
import { createDatabase, withConnection } from "../../local/postgres/databases.ts";
import { startPostgres } from "../../local/postgres/start.ts";

export type Api = {
  url: string;
  keys: ProjectKeys;
  users: { operator: User; viewer: User };
  createUser(user: NewUser): Promise<User>;
  close(): Promise<void>;
};

/** REST and Auth on a project that holds nothing but `tables`. */
export async function startApi(tables: string): Promise<Api> {
  const server = await startPostgres();
  await applyPlatform(server.url, { ownerPassword: new URL(server.url).password });
  const database = await createDatabase(server.url);
  await applyPlatform(database.adminUrl);
  await createAuthTables(database.url);
  await withConnection(database.url, (sql) => sql.unsafe(tables).simple());
  const keys = await generateKeys();
  const routes: Partial<Routes> = {};
  const gateway = startGateway(routes);
  const rest = startRestAndAuth(database.url, { keys, apiUrl: gateway.apiUrl });
  routes.rest = rest.fetch;
  const create = (user: NewUser) =>
    createUser(user, { apiUrl: gateway.apiUrl, publishableKey: keys.publishableKey, adminUrl: database.adminUrl });
  const [operator, viewer] = await Promise.all([create(inventUser("operator")), create(inventUser("viewer"))]);
  async function close(): Promise<void> {
    await gateway.close();
    await rest.close();
    await server.stop("immediate");
  }
  return { url: gateway.apiUrl, keys, users: { operator, viewer }, createUser: create, close };
}
