/** Planted faults that no test can or should catch, and why. Anything that survives and is not here is a gap. */
export const SURVIVORS: Record<string, string> = {
  "locks-unsorted":
    "Two settlements that lock the same orders wait for each other only if the planner reads them in opposite orders, which no test can make it do. " +
    "Claims hand an order to one run at a time, so no two settlements share one; the sorted lock is for whoever else locks several orders.",
  "version-unpinned":
    "The locked SDK sends the same version by itself. Once an update of it does not, the test that reads the version on the wire fails without the pin.",
};
