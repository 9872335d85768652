/** A seeded generator of numbers in [0, 1) (mulberry32), so that a schedule of faults can be repeated exactly. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Generates ids in Stripe's form: a prefix, letters and digits. A counter keeps them unique, the seed repeatable. */
export function createIdMaker(random: () => number): (prefix: string) => string {
  let counter = 0;
  return (prefix) => {
    let tail = "";
    for (let i = 0; i < 10; i++) tail += ALPHABET[Math.floor(random() * 62)];
    return `${prefix}3${(counter++).toString(36).toUpperCase().padStart(8, "0")}${tail}`;
  };
}
