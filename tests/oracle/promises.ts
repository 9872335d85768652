/** The promises of docs/design.md, by their numbers there. */
const PROMISES: Record<string, string> = {
  1: "no order is expired and paid, unless the late money is told once",
  2: "stock is released once, and every unit is accounted for",
  3: "expired only with each payment proven dead",
  4: "counters equal the decisions they count",
  5: "calls stay within Stripe's limits",
  6: "every claimed order gets somewhere",
  7: "without the right role nothing is changed or read",
  8: "every run ends",
  9: "shop and ledger agree",
  10: "no write of the shop fails or waits because of Lapse",
};

/** The message of a check that failed: each sentence begins with the number of the promise that it breaks. */
export function named(broken: string[]): string {
  const sentences = broken.map((sentence) =>
    sentence.replace(/^\d+/, (number) => `Promise ${number} (${PROMISES[number]})`)
  );
  return ["Broken promises:", ...sentences].join("\n");
}
