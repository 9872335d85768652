import type { AtStep, Step } from "./wire.ts";

/** The process dies before this step. Dying after the one before leaves the same world behind. */
export function dieBefore(number: number): AtStep {
  return (step, take, { die }) => step.number === number ? die() : take();
}

/** The connection breaks at this step, before or after it took effect; the run lives on and does not know which. */
export function cutAt(number: number, moment: "before" | "after"): AtStep {
  return async (step, take, { cut }) => {
    if (step.number === number && moment === "before") return cut();
    const answer = await take();
    return step.number === number ? cut() : answer;
  };
}

/**
 * An outage: from this step on every step at this place is cut, before or after it takes effect, `most` of them. One cut alone is healed by
 * the repeat of the call; here the run ends without learning the result of its call.
 */
export function outageFrom(
  number: number,
  moment: "before" | "after",
  { place, most = Infinity }: { place: Step["place"]; most?: number },
): AtStep {
  let cuts = 0;
  return async (step, take, { cut }) => {
    if (step.number < number || step.place !== place || cuts >= most) return await take();
    cuts++;
    if (moment === "after") await take();
    return cut();
  };
}

/** Others act before these steps, while the run waits. */
export function insertBefore(acts: { number: number; act: () => Promise<unknown> }[]): AtStep {
  return async (step, take) => {
    for (const { number, act } of acts) if (step.number === number) await act();
    return await take();
  };
}

/** Several fates at once: the first one is nearest to the run. */
export function allOf(...fates: AtStep[]): AtStep {
  return fates.reduceRight<AtStep>(
    (inner, outer) => (step, take, fate) => outer(step, () => inner(step, take, fate), fate),
    (_, take) => take(),
  );
}
