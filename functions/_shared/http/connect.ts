import { createAdminClient } from "@supabase/server/core";
import { createRpc, type Rpc } from "../database/rpc.ts";
import type { Project } from "../environment.ts";

/** Connects to the project's database with its secret keys. */
export function connect({ url, publishableKeys, secretKeys }: Project): Rpc {
  return createRpc(createAdminClient({ env: { url, publishableKeys, secretKeys } }));
}
