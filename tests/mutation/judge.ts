import type { Fault } from "./fault.ts";
import type { PgTap } from "./pgtap.ts";
import type { Result } from "./results.ts";
import { runSuite, type Verdict } from "./run-suite.ts";
import { type Suite, suitesOf } from "./suites.ts";
import type { Workspace } from "./workspace.ts";

/** Plants faults in one workspace, one after the other, and asks the tests about each. */
export function createJudge(workspace: Workspace, { pgtap }: { pgtap: PgTap | null }) {
  const sound = new Map<string, Promise<Verdict>>();

  /** A suite that fails by itself would catch everything. */
  async function assertSound(suite: Suite): Promise<void> {
    const name = suite.paths.join(" ");
    if (!sound.has(name)) sound.set(name, runSuite(workspace.folder, suite, pgtap));
    const { failed } = await sound.get(name)!;
    if (failed !== null) {
      throw new Error(`Cannot judge faults by ${name} as it fails without any: current value is ${failed}`);
    }
  }

  return async function judge(fault: Fault): Promise<Result> {
    const started = performance.now();
    const seconds = () => Math.round((performance.now() - started) / 100) / 10;
    const suites = suitesOf(fault);
    for (const [before, suite] of suites.entries()) {
      const asked = before + 1;
      // Without pgTAP the tests of the whole product have to do.
      if (suite.kind === "pgtap" && pgtap === null) continue;
      await assertSound(suite);
      try {
        const { failed } = await workspace.with(fault, () => runSuite(workspace.folder, suite, pgtap));
        if (failed !== null) return { id: fault.id, outcome: "caught", by: failed, suites: asked, seconds: seconds() };
      } catch (error) {
        if (!(error as Error).message.startsWith(`Cannot plant ${fault.id}`)) throw error;
        return { id: fault.id, outcome: "stale", by: (error as Error).message, suites: asked, seconds: seconds() };
      }
    }
    return { id: fault.id, outcome: "survived", by: null, suites: suites.length, seconds: seconds() };
  };
}
