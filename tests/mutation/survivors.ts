/** Planted faults that no test can or should catch, and why. Anything that survives and is not here is a gap. */
export const SURVIVORS: Record<string, string> = {};
