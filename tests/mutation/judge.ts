import { type Fault, StaleFaultError } from "./fault.ts";
import type { Result } from "./results.ts";

/** What the tests of one path say of the code with a fault in it, or of the code as it is: the first failure, or null. */
export type Suite = {
  knows(path: string): boolean;
  run(path: string, fault: Fault | null): Promise<string | null>;
};

/** Asks the tests about one fault after the other. */
export function createJudge(suites: Suite[]) {
  const sound = new Map<string, Promise<string | null>>();

  async function judge(fault: Fault): Promise<Pick<Result, "outcome" | "by" | "asked">> {
    for (const [before, path] of fault.suite.entries()) {
      const suite = suites.find((it) => it.knows(path));
      if (!suite) throw new Error(`Cannot judge ${fault.name}: no tests are at ${path}`);
      const failure = await suite.run(path, fault);
      if (failure === null) continue;
      // Tests that fail by themselves would catch everything.
      if (!sound.has(path)) sound.set(path, suite.run(path, null));
      const own = await sound.get(path)!;
      const asked = before + 1;
      return own === null
        ? { outcome: "caught", by: failure, asked }
        : { outcome: "unsound", by: `${path} fails without any fault: ${own}`, asked };
    }
    return { outcome: "survived", by: null, asked: fault.suite.length };
  }

  return async function (fault: Fault): Promise<Result> {
    const started = performance.now();
    const result = await judge(fault).catch((error) => {
      if (!(error instanceof StaleFaultError)) throw error;
      return { outcome: "stale" as const, by: error.message, asked: 0 };
    });
    return { name: fault.name, ...result, seconds: Math.round((performance.now() - started) / 100) / 10 };
  };
}
