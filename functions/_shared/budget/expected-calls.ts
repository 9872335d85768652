/**
 * Calls that a run is about to make and has not asked for yet. Without them each cancel that follows a read of its own would
 * reserve one slot for itself, because nobody else is in line at that moment.
 */
export type ExpectedCalls = {
  of(endpoint: string): number;
  /** So many more, or fewer if negative. */
  expect(endpoint: string, calls: number): void;
};

export function createExpectedCalls(): ExpectedCalls {
  const expected = new Map<string, number>();
  const of = (endpoint: string) => expected.get(endpoint) ?? 0;
  return { of, expect: (endpoint, calls) => void expected.set(endpoint, of(endpoint) + calls) };
}
