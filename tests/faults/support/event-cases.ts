import { type Bench, withBench } from "./bench.ts";
import { happen, type Happening } from "./happenings.ts";
import { placeOrder } from "./shop.ts";
import type { AtStep } from "./wire.ts";

/** Two events of one order, in the order in which they are delivered. `tell` lets happen what causes them, and answers their ids. */
export type EventCase = {
  name: string;
  tell(bench: Bench, order: string, attached: boolean): Promise<[string, string]>;
};

/** Each two of these in both orders, of two payments; and each two events of one payment. */
export async function casesOf(happenings: Happening[]): Promise<EventCase[]> {
  const counts = await withBench(async (bench) => {
    const { id } = await placeOrder(bench, { payments: [] });
    const counts: number[] = [];
    for (const happening of happenings) counts.push((await happen(bench, id, happening)).events.length);
    return counts;
  });
  const ofTwo = happenings.flatMap((first) =>
    happenings.map((second): EventCase => ({
      name: `${nameOf(first)}, then ${nameOf(second)} of another payment`,
      async tell(bench, order, attached) {
        const a = await happen(bench, order, first, { attached });
        const b = await happen(bench, order, second, { attached });
        return [a.last, b.last];
      },
    }))
  );
  const ofOne = happenings.flatMap((happening, n) =>
    pairs(counts[n]!).map(([i, j]): EventCase => ({
      name: `${nameOf(happening)}: its event ${i + 1}, then its event ${j + 1}`,
      async tell(bench, order, attached) {
        const { events } = await happen(bench, order, happening, { attached });
        return [events[i]!, events[j]!];
      },
    }))
  );
  return [...ofTwo, ...ofOne];
}

function pairs(count: number): [number, number][] {
  const all = [...Array(count).keys()];
  return all.flatMap((i) => all.filter((j) => j !== i).map((j): [number, number] => [i, j]));
}

function nameOf({ type, acts }: Happening): string {
  const last = acts.at(-1)!;
  return `${type} (${typeof last === "string" ? last : [last.verb, last.outcome].filter(Boolean).join(" ")})`;
}

/** What is delivered of two events: before a run, while runs work, after the order was decided. */
export type Plan = { before?: Choice; meanwhile?: Choice; after?: Choice };
type Choice = (a: string, b: string) => string[];

const CHOICES: Record<string, Choice> = {
  "once": (a, b) => [a, b],
  "twice": (a, b) => [a, b, a, b],
  "the first alone": (a) => [a],
  "the second alone": (_, b) => [b],
};

export const NEVER: Plan = {};

/** Every way of delivering two events; the bounded version has one of each kind. */
export const PLANS: Record<string, Plan> = Object.fromEntries([
  ...(["before", "meanwhile", "after"] as const).flatMap((when) =>
    Object.entries(CHOICES).map(([name, choice]) => [`${name}, ${when} the runs`, { [when]: choice }] as const)
  ),
  ["one before and one after the runs", { before: (a) => [a], after: (_, b) => [b] }] as const,
]);
export const BOUNDED = ["twice, before the runs", "once, meanwhile the runs", "one before and one after the runs"];

/** Stripe delivers these, some as thin events. What is not taken comes again at the end. */
export function deliveries(bench: Bench, events: string[]) {
  const waiting = [...events];
  const refused: string[] = [];
  let delivered = 0;
  const next = async () => {
    const id = waiting.shift();
    if (id === undefined) return;
    const payload = delivered++ % 3 === 0 ? "thin" as const : "snapshot" as const;
    if (!(await bench.deliver(id, { payload })).taken) refused.push(id);
  };
  return {
    /** Two before each step of a run, until none is left. */
    atStep: (async (_, take) => {
      await next();
      await next();
      return await take();
    }) as AtStep,
    async rest() {
      while (waiting.length > 0) await next();
      waiting.push(...refused.splice(0));
      while (waiting.length > 0) await next();
      if (refused.length > 0) throw new Error(`Stripe delivers ${refused} for ever`);
    },
  };
}
