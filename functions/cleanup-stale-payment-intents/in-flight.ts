/** Calls under way at the same time; the call budget sets the pace, this only keeps its lanes busy. */
const MAX_IN_FLIGHT = 20;

/**
 * Does the same with each item, several at a time; results in the items' order. After a failure no further item is begun; what is
 * under way ends first, so that nothing goes on behind the back of a run that is over.
 *
 * @throws the first failure.
 */
export async function inFlight<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  const queue = items.entries();
  const failures: unknown[] = [];
  const lane = async () => {
    // One iterator for all lanes: each takes the next item that nobody has taken.
    for (const [index, item] of queue) {
      if (failures.length > 0) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: MAX_IN_FLIGHT }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}
