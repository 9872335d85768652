/** Whether the long versions are asked for: `npm run test:proof`, or LAPSE_PROOF=long. */
export const isLong = Deno.env.get("LAPSE_PROOF") === "long";

/** The bounded version's number in `npm test`, the other one in the long version. */
export function lengthOf({ bounded, long }: { bounded: number; long: number }): number {
  return isLong ? long : bounded;
}

/** Tells how much was tried, for the table in docs/design.md. */
export function report(what: string): void {
  console.log(`proof: ${what}`);
}
