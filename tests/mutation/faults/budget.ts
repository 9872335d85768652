import { faultsIn } from "../fault.ts";

/** The pace of calls to Stripe, on the side of the functions. */
export const BUDGET_FAULTS = [
  ...faultsIn("functions/_shared/budget/call-budget.ts", [
    [
      "slots-from-the-answer",
      "nextAt: askedAt + slots.startsInMs",
      "nextAt: clock.monotonic() + slots.startsInMs",
      "a block reaches into another isolate's next one",
    ],
    ["all-slots-at-once", "slot.nextAt += slot.intervalMs;", "", "a block goes out in one burst"],
    ["block-without-end", "slot.left -= 1;", "", "one block serves for ever"],
    [
      "no-wait-for-slot",
      `const wait = slotAt - clock.monotonic();
    if (wait > 0) await clock.sleep(wait);`,
      "",
      "slots are not waited for",
    ],
    ["own-window-open", "await own.enter(slot.perSecond);", "", "slots of the past burst after a stall"],
    [
      "account-window-open",
      "await account.enter(slot.accountPerSecond);",
      "",
      "two endpoints burst together after a stall",
    ],
    ["block-too-large", "const MAX_BLOCK = 64;", "const MAX_BLOCK = 640;", "the database refuses the block"],
    [
      "throttle-keeps-slots",
      `block = null;
      upcoming = null;`,
      "",
      "a throttled lane uses its old slots",
    ],
    [
      "throttle-keeps-next-block",
      `block = null;
      upcoming = null;`,
      "block = null;",
      "a throttled lane uses slots of before the pause",
    ],
    [
      "account-throttle-one-lane",
      `scope === "account" ? lanes.values() : [laneOf(endpoint)]`,
      "[laneOf(endpoint)]",
      "the other lanes go on at the old rate",
    ],
    ["throttle-untold", "await options.report(endpoint, scope);", "", "other runs are not slowed down"],
    [
      "lane-out-of-turn",
      "const mine = turn.then(() => takeSlot(demand));",
      "const mine = takeSlot(demand);",
      "two callers share a slot or reserve twice",
    ],
    [
      "lane-poisoned",
      "turn = mine.catch(() => {});",
      "turn = mine;",
      "one lost answer blocks the endpoint for the whole run",
    ],
    ["window-half", "const WINDOW_MS = 1_028;", "const WINDOW_MS = 514;", "a second sees twice the calls"],
    ["slots-for-nobody", "unserved > 0", "unserved > -64", "slots are reserved that nobody uses"],
    ["prefetch-never", "slot.left <= PREFETCH_AT", "slot.left < 0", "every block starts with a pause"],
    ["prefetch-unhandled", "upcoming.catch(() => {});", "", "a lost reservation kills the function"],
  ]),
  ...faultsIn("functions/_shared/budget/budgeted-fetch.ts", [
    ["in-flight-unlimited", "while (lane.running >= lane.max) {", "while (false) {", "Stripe refuses for concurrency"],
    ["calls-uncounted", "statistics.calls += 1;", "", "a run's calls are not reported"],
    ["throttle-unseen", "if (response.status === 429) {", "if (false) {", "a refusal for rate slows nobody down"],
    [
      "lock-slows-all",
      `if (reason === null || reason === "resource-specific") return;`,
      "if (reason === null) return;",
      "one customer's lock slows the shop down",
    ],
    [
      "concurrency-halves-rate",
      `if (reason.endsWith("-concurrency")) {`,
      "if (false) {",
      "too many at once counts as too many a second",
    ],
    [
      "concurrency-to-zero",
      "Math.max(1, Math.floor(lane.max / 2))",
      "Math.floor(lane.max / 2)",
      "an endpoint stands still for ever",
    ],
    [
      "account-throttle-as-endpoint",
      `reason.startsWith("global") ? "account" : "endpoint"`,
      `"endpoint"`,
      "the account's limit is hit by the next endpoint",
    ],
    [
      "seat-never-left",
      `} finally {
      leave(lane);`,
      "} finally {",
      "ten failures stop an endpoint",
    ],
    [
      "caller-cannot-abort",
      "init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout",
      "timeout",
      "a call outlives its caller's patience",
    ],
    [
      "no-timeout",
      "init?.signal ? AbortSignal.any([init.signal, timeout]) : timeout",
      "init?.signal ?? null",
      "a silent Stripe holds a seat for ever",
    ],
    ["demand-grows", ".finally(() => lane.demand -= 1)", "", "slots are reserved that nobody uses"],
  ]),
  ...faultsIn("functions/_shared/budget/endpoint.ts", [
    [
      "any-endpoint",
      "if (endpoint === undefined) {",
      "if (endpoint === null) {",
      "calls outside the jobs' endpoints go out uncounted",
    ],
  ]),
];
