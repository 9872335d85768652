import { span } from "../output.ts";
import { fault, type Finding, ok } from "./finding.ts";

/** Readings of the same moment, give or take. Stripe's has whole seconds. */
export type Clocks = { here: Date; database: Date; stripe: Date | null };

/** Far above a slow answer, far below anything a deadline would notice. */
const TOLERANCE_MS = 30_000;

/** Deadlines live in the database, so it is its clock that has to be right; two clocks against one decide which is wrong. */
export function judgeClocks({ here, database, stripe }: Clocks): Finding {
  const apart = (a: Date, b: Date) => Math.abs(a.getTime() - b.getTime()) > TOLERANCE_MS;
  const told = `database and this machine are ${span(database.getTime() - here.getTime())} apart`;
  if (stripe === null) {
    return apart(database, here)
      ? fault("clocks", told, "find out which of the two is wrong (a Stripe key would tell)")
      : ok("clocks", `${told}; Stripe's was not read`);
  }
  const all = `${told}, database and Stripe ${span(database.getTime() - stripe.getTime())}`;
  if (!apart(database, stripe) && !apart(database, here)) return ok("clocks", all);
  if (!apart(database, stripe)) {
    return fault("clocks", `this machine's clock is wrong: ${all}`, "set it; the jobs do not use it");
  }
  if (!apart(database, here)) {
    return fault("clocks", `Stripe's clock is wrong: ${all}`, "look at what answers in Stripe's place");
  }
  return fault(
    "clocks",
    `the database's clock is wrong: ${all}`,
    "tell the platform's support; deadlines depend on it",
  );
}
