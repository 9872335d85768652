import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { Stack } from "../../local/stack/start.ts";
import { type Caller, CALLERS } from "./access-table.ts";

export type Client = SupabaseClient;

/** One supabase-js client per caller: the users among them are signed in. */
export async function openClients(stack: Stack): Promise<Record<Caller, Client>> {
  const user = await stack.createUser({ email: "customer@lapse.test", password: "customer-1234" });
  const clients = [
    connect(stack.apiUrl, stack.publishableKey),
    await signIn(stack, user),
    await signIn(stack, stack.viewer!),
    await signIn(stack, stack.operator!),
    connect(stack.apiUrl, stack.secretKey),
  ];
  return Object.fromEntries(CALLERS.map((caller, n) => [caller, clients[n]!])) as Record<Caller, Client>;
}

async function signIn(stack: Stack, user: { email: string; password: string }): Promise<Client> {
  const client = connect(stack.apiUrl, stack.publishableKey);
  const { error } = await client.auth.signInWithPassword(user);
  if (error) throw error;
  return client;
}

function connect(url: string, key: string): Client {
  return createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false } });
}
