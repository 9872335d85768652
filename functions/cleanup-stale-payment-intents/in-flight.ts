/** Calls under way at the same time; the call budget sets the pace, this only keeps its lanes busy. */
const MAX_IN_FLIGHT = 20;

/** Does the same with each item, several at a time; results in the items' order. */
export async function inFlight<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  const queue = items.entries();
  const lane = async () => {
    // One iterator for all lanes: each takes the next item that nobody has taken.
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: MAX_IN_FLIGHT }, lane));
  return results;
}
