import type { Job, Result, RunOptions } from "./tally.ts";

/**
 * Runs the jobs in their order, `lanes` at a time, and says of each how it went as soon as it has. What a job printed is shown if it failed,
 * or if a filter asked for it.
 */
export async function runJobs(
  jobs: Job[],
  options: RunOptions,
  lanes: number,
  print: (text: string) => void = console.log,
): Promise<Result[]> {
  const waiting = [...jobs];
  const results = new Map<Job, Result>();
  const lane = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const started = performance.now();
      const { output, ...tally } = await job.run(options);
      const result = { name: job.check, ...tally, seconds: (performance.now() - started) / 1000 };
      results.set(job, result);
      // Under a filter most files have nothing to say.
      if (options.filter !== undefined && result.passed + result.failed === 0) continue;
      const shown = result.failed > 0 || (options.filter !== undefined && result.passed > 0);
      print(describe(job, result) + (shown && output.trim() !== "" ? `\n${output.trimEnd()}\n` : ""));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  // A check has its place in the table from its jobs, whichever of them ended first.
  return jobs.map((job) => results.get(job)!);
}

function describe({ check, part }: Job, { passed, failed, seconds, cpuSeconds }: Result): string {
  const mark = failed > 0 ? "✗" : "▸";
  const said = failed > 0 ? `${passed} passed, ${failed} failed` : `${passed} passed`;
  const cpu = cpuSeconds === undefined ? "" : `, ${cpuSeconds.toFixed(1)} s of CPU`;
  return `${mark} ${check}${part ? ` ${part}` : ""}: ${said} in ${seconds.toFixed(1)} s${cpu}`;
}
