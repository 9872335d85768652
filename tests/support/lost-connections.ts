import type postgres from "postgres";

/**
 * Makes a pool whole again after its connections were lost; call it when the server answers again and the losses were noticed. The driver
 * (postgres 3.4.9) keeps the error that ended a connection in the middle of a query, and also fails the first query after the reconnect
 * with it, however much later. One query for each connection takes these errors.
 */
export async function replaceLostConnections(sql: postgres.Sql): Promise<void> {
  await Promise.allSettled(Array.from({ length: sql.options.max }, () => sql`select`));
}
