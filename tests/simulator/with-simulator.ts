import Stripe from "stripe";
import {
  startStripeSimulator,
  type StripeSimulator,
  type StripeSimulatorOptions,
} from "../../local/stripe-simulator/start.ts";

export type Bench = {
  simulator: StripeSimulator;
  control: StripeSimulator["control"];
  stripe: Stripe;
  /** Another client of the real package, with its own key or config. */
  client: (key?: string, config?: Stripe.StripeConfig) => Stripe;
};

/** Runs a test against a simulator of its own, without limits unless the test asks for them. */
export async function withSimulator(
  options: StripeSimulatorOptions,
  test: (bench: Bench) => Promise<void>,
): Promise<void> {
  const simulator = await startStripeSimulator({ preset: "unlimited", ...options });
  const client = (key = "sk_test_simulated", config: Stripe.StripeConfig = {}) =>
    new Stripe(key, { ...simulator.clientOptions, maxNetworkRetries: 0, telemetry: false, timeout: 5000, ...config });
  try {
    await test({ simulator, control: simulator.control, stripe: client(), client });
  } finally {
    await simulator.close();
  }
}

/** The Stripe error a call ends in; fails the test when the call succeeds. */
export async function refusal(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error;
    throw error;
  }
  throw new Error("The call succeeded, a refusal was expected");
}

/** A header of a successful reply. Under fetch `lastResponse` is a Response, whatever the SDK's types say. */
export function replyHeader(result: { lastResponse: unknown }, name: string): string | null {
  return (result.lastResponse as Response).headers.get(name);
}
