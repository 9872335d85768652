import { assertAtRest } from "../../oracle/at-rest.ts";
import { type Bench, ON_HAND, useBenches, withBench } from "../support/bench.ts";

useBenches();

/** What a test of a bug that shop systems shipped does: on a bench of its own, with the oracle at the end of it. */
export function onBench(test: (bench: Bench) => Promise<void>): () => Promise<void> {
  return () =>
    withBench(async (bench) => {
      await test(bench);
      await assertAtRest({ ...bench, onHand: ON_HAND });
    });
}

export async function stockOf({ sql }: Bench, sku: string): Promise<{ on_hand: number; reserved: number }> {
  const [row] = await sql<
    { on_hand: number; reserved: number }[]
  >`select on_hand, reserved from public.inventory where sku = ${sku}`;
  return { ...row! };
}

export async function openAlerts({ sql }: Bench, key: string): Promise<string[]> {
  const rows = await sql<
    { severity: string }[]
  >`select severity from lapse.alerts where key = ${key} and resolved_at is null`;
  return rows.map(({ severity }) => severity);
}
