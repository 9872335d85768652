/** Planted faults that no test can or should catch, and why. Anything that survives and is not here is a gap. */
export const SURVIVORS: Record<string, string> = {
  "version-unpinned":
    "The locked SDK sends the same version by itself. Once an update of it does not, the test that reads the version on the wire fails without the pin.",
};
