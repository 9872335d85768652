import Stripe from "stripe";
import { CONTRACT } from "./contract-behaviours.ts";
import { startStripeSimulator } from "./start.ts";

export type ContractResult = { claim: string; difference: string | null };

/** Checks every claim against one Stripe, one at a time to stay far below its limits. */
export async function checkContract(stripe: Stripe): Promise<ContractResult[]> {
  const results: ContractResult[] = [];
  for (const { claim, check } of CONTRACT) {
    try {
      await check(stripe);
      results.push({ claim, difference: null });
    } catch (error) {
      results.push({ claim, difference: error instanceof Error ? error.message : String(error) });
    }
  }
  return results;
}

/** The key of a Stripe sandbox, if one is set. Throws for a live key: the contract creates and pays intents. */
export function sandboxKey(key: string | undefined): string | null {
  if (key === undefined || key === "") return null;
  if (!key.startsWith("sk_test_")) {
    throw new Error(
      `Cannot use STRIPE_CONTRACT_KEY as a sandbox key: it starts with ${key.slice(0, 8)}, not with sk_test_`,
    );
  }
  return key;
}

function report(name: string, results: ContractResult[]): boolean {
  for (const { claim, difference } of results) {
    console.log(
      `${difference === null ? "holds  " : "DIFFERS"}  ${name}: ${claim}${
        difference === null ? "" : `\n         ${difference}`
      }`,
    );
  }
  return results.every(({ difference }) => difference === null);
}

if (import.meta.main) {
  const key = sandboxKey(Deno.env.get("STRIPE_CONTRACT_KEY"));
  const simulator = await startStripeSimulator({ preset: "unlimited" });
  const simulated = new Stripe("sk_test_simulated", { ...simulator.clientOptions, maxNetworkRetries: 0 });
  let holds = report("simulator", await checkContract(simulated));
  await simulator.close();
  if (key === null) console.log("not checked against Stripe: STRIPE_CONTRACT_KEY is not set");
  else holds = report("stripe", await checkContract(new Stripe(key, { telemetry: false }))) && holds;
  if (!holds) Deno.exit(1);
}
