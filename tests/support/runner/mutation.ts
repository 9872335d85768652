import { runDeno } from "./program.ts";
import { fail, type Job, noTally } from "./tally.ts";

/** Plants known faults in a copy of the project and sees which test fails. Its own last line counts them. */
export const mutationJob: Job = {
  check: "mutation",
  async run() {
    const { code, output } = await runDeno(["run", "-A", "--no-check", "tests/mutation/main.ts"], {
      limitMinutes: 120,
    });
    const [, passed, failed] = output.trimEnd().match(/(?:^|\n)(\d+) passed, (\d+) failed$/) ?? [];
    const tally = { ...noTally(), passed: Number(passed ?? 0), failed: Number(failed ?? 0) };
    if (code !== 0 && tally.failed === 0) fail(tally, `tests/mutation/main.ts ended with exit code ${code}`);
    return { ...tally, output };
  },
};
