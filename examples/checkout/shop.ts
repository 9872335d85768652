import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import Stripe from "stripe";

/** The shop's backend: a Supabase client with the secret key, and Stripe. */
export type Backend = { supabase: SupabaseClient; stripe: Stripe };

/** `amount` in the currency's minor unit: 1990 is 19.90 euros. */
export type Order = { id: string; amount: number; currency: string };

/** On the local stack Stripe is a simulator, at `STRIPE_API_BASE`. */
export function openBackend(read: (name: string) => string | undefined): Backend {
  const base = read("STRIPE_API_BASE");
  const { protocol, hostname, port } = new URL(base ?? "https://api.stripe.com");
  const host = base ? { protocol: protocol.slice(0, -1) as "http" | "https", host: hostname, port } : {};
  return {
    supabase: createClient(read("API_URL")!, read("SECRET_KEY")!, { auth: { persistSession: false } }),
    stripe: new Stripe(read("STRIPE_SECRET_KEY") ?? "sk_test_local", host),
  };
}

/** Reserves the stock. The sample shop's triggers report the order to Lapse. */
export async function placeOrder({ supabase }: Backend): Promise<Order> {
  await supabase.from("inventory").upsert({ sku: "tea", on_hand: 100 }, { ignoreDuplicates: true });
  const { data, error } = await supabase.rpc("place_order", {
    p_currency: "eur",
    p_amount: 1990,
    p_items: [{ sku: "tea", quantity: 2 }],
  });
  if (error) throw error;
  return data as Order;
}
