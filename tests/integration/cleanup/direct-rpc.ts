import type postgres from "postgres";
import type { Rpc } from "../../../functions/_shared/database/rpc.ts";

/** Calls the jobs' database functions over a plain connection, told the time by `now`. */
export function directRpc(sql: postgres.Sql, now: () => Date): Rpc {
  return async (name, args, { answer }) => {
    const entries = Object.entries({ ...args, p_now: now().toISOString() });
    const places = entries.map(([key], index) => `${key} => $${index + 1}`).join(", ");
    // As it arrives over REST: Date becomes text, undefined is gone.
    const values = entries.map(([, value]) =>
      typeof value === "object" && value !== null ? sql.json(JSON.parse(JSON.stringify(value))) : value as string
    );
    const [row] = await sql.unsafe(`select public.${name}(${places}) as answer`, values);
    return answer.parse(row!.answer);
  };
}
