import assert from "node:assert/strict";
import type { Bench, RunOptions, RunOutcome } from "./bench.ts";
import type { Request } from "./schedule.ts";
import { type Delivery, type Queued, watch } from "./scheduler.ts";

/** pg_net on its bad days. */
export type Requests = {
  /** Answers, request by request of one tick, how often each arrives now; beyond the last one they arrive once. */
  inTurn(requests: Request[]): (queued: Queued) => Promise<Delivery>;
  /** Delivers what is late, after the watch: by then the run may be lost, ended, or under way elsewhere. */
  deliverLate(options?: RunOptions): Promise<void>;
  /** What is late never arrives. */
  forget(): void;
};

const NOW: Record<Request["arrives"], Delivery> = {
  once: "once",
  twice: "twice",
  never: "never",
  late: "never",
  apart: "once",
};

export function createRequests(bench: Bench): Requests {
  let late: Queued[] = [];
  return {
    inTurn(requests) {
      const left = [...requests];
      return async (queued) => {
        const { arrives, answer } = left.shift() ?? { arrives: "once", answer: null };
        if (arrives === "late" || arrives === "apart") late.push(queued);
        if (answer !== null) await recordAnswer(bench, queued, answer);
        return NOW[arrives];
      };
    },
    forget() {
      late = [];
    },
    async deliverLate(options) {
      if (late.length === 0) return;
      const arriving = late;
      late = [];
      await watch(bench);
      for (const { run_id, job } of arriving) {
        const [row] = await bench.sql<{ status: string }[]>`select status from lapse.runs where id = ${run_id}`;
        const outcome = await bench.run({ ...options, job, run: { runId: run_id, trigger: "schedule" } });
        const { status } = row!;
        assert.ok(status === "queued" || !hasWorked(outcome), `run ${run_id} was ${status} and began all the same`);
      }
    },
  };
}

/** The bench in which a run works in one process at most, however often its request arrives. */
export function oneProcessEach(bench: Bench): Bench {
  const worked = new Set<string>();
  return {
    ...bench,
    async run(options) {
      const outcome = await bench.run(options);
      const id = options?.run?.runId;
      if (id === undefined || !hasWorked(outcome)) return outcome;
      assert.ok(!worked.has(id), `run ${id} was worked on by two processes`);
      worked.add(id);
      return outcome;
    },
  };
}

function hasWorked({ steps }: RunOutcome): boolean {
  return steps.some(({ name }) => name !== "lapse_begin_run");
}

/** What pg_net writes of a request that the function did not answer with a 202. */
async function recordAnswer({ sql, time }: Bench, { request_id }: Queued, answer: "status_500" | "timed_out") {
  const [status, error] = answer === "status_500" ? [500, null] : [null, "Timeout of 5000 ms reached"];
  await sql`
    insert into net._http_response (id, status_code, timed_out, error_msg, created)
    values (${request_id}, ${status}, ${answer === "timed_out"}, ${error}, ${time.now().toISOString()}::timestamptz)`;
}
