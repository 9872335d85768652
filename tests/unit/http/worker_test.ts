import assert from "node:assert/strict";
import { edgeWorker } from "../../../functions/_shared/http/serve-job.ts";

Deno.test("a worker keeps a run alive and notifies it when the platform announces the worker's end", () => {
  const kept: unknown[] = [];
  Object.assign(globalThis, { EdgeRuntime: { waitUntil: (work: unknown) => kept.push(work) } });
  const worker = edgeWorker();
  const run = Promise.resolve();
  worker.waitUntil(run);
  assert.deepEqual([kept.length, kept[0] === run, worker.retired.aborted], [1, true, false]);
  dispatchEvent(new CustomEvent("beforeunload", { detail: { reason: "cpu" } }));
  assert.equal(worker.retired.aborted, true);
});
