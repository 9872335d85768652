import { faultsIn } from "../fault.ts";

/** The pace of calls to Stripe, on the side of the functions. */
export const BUDGET_FAULTS = [
  ...faultsIn("functions/_shared/budget/database-time.ts", [
    [
      "slots-from-the-answer",
      "return { earliest: askedAt, latest: askedAt };",
      "return { earliest: answeredAt, latest: answeredAt };",
      "with a database that does not tell its time, a block reaches into another isolate's next one",
    ],
    [
      "slots-from-the-question",
      "if (now === undefined) return",
      "if (now !== null) return",
      "a reservation that waits for a connection overlaps another isolate's block",
    ],
    [
      "each-reply-by-itself",
      "ahead = both.least <= both.most ? both : told;",
      "ahead = told;",
      "a slow reply costs its slots although the clock is known",
    ],
    [
      "contradicted-believed",
      "ahead = both.least <= both.most ? both : told;",
      "ahead = both;",
      "after a clock was set, blocks end before they begin",
    ],
    [
      "bounds-to-the-microsecond",
      "const DROPPED_MS = 1;",
      "const DROPPED_MS = 0;",
      "two true replies contradict each other",
    ],
  ]),
  ...faultsIn("functions/_shared/budget/block.ts", [
    ["overdue-for-ever", "TOLERANCE_MS - tolerated,", "1e9,", "two isolates exceed what Stripe allows together"],
    [
      "overdue-for-a-second",
      "TOLERANCE_MS = 250",
      "TOLERANCE_MS = 1_000",
      "two isolates exceed what Stripe allows together",
    ],
    [
      "uncertain-for-ever",
      "Math.min(uncertain, UNCERTAIN_MS)",
      "Math.min(uncertain, TOLERANCE_MS)",
      "of a slow database every slot is overdue",
    ],
    [
      "uncertain-and-overdue",
      "overdueMs: TOLERANCE_MS - tolerated,",
      "overdueMs: TOLERANCE_MS,",
      "slots that are overdue add to those whose place is not known",
    ],
    [
      "uncertain-slots-kept",
      "left: Math.max(count - givenUp, 0),",
      "left: count,",
      "a block whose place is not known reaches into the next one",
    ],
    ["dropped-slots-stay", "block.left -= dropped;", "", "a block is longer than what was reserved"],
  ]),
  ...faultsIn("functions/_shared/budget/lane.ts", [
    ["all-slots-at-once", "slot.nextAt += slot.intervalMs;", "", "a block goes out in one burst"],
    ["block-without-end", "slot.left -= 1;", "", "one block serves for ever"],
    ["no-wait-for-slot", "slot.nextAt - clock.monotonic(),", "", "slots are not waited for"],
    ["own-window-open", "own.wait(slot.perSecond),", "", "slots of the past burst after a stall"],
    ["account-window-open", "account.wait(slot.accountPerSecond),", "", "two endpoints burst together after a stall"],
    [
      "served-still-counted",
      "return served?.();",
      "return;",
      "each group of calls reserves a slot too many, and then another",
    ],
    [
      "throttle-keeps-slots",
      "block = null;",
      "",
      "a throttled lane uses its old slots",
    ],
    [
      "lane-out-of-turn",
      "const mine = turn.then(() => takeSlot(waiting));",
      "const mine = takeSlot(waiting);",
      "two callers share a slot or reserve twice",
    ],
    [
      "lane-poisoned",
      "turn = mine.catch(() => {});",
      "turn = mine;",
      "one lost answer blocks the endpoint for the whole run",
    ],
    ["wait-past-the-deadline", "assertInTime(wait, signal);", "", "calls leave after their orders' claims ran out"],
    [
      "reserved-after-the-deadline",
      "assertInTime(0, signal);",
      "",
      "a run that is over reserves slots that nobody uses",
    ],
    [
      "giving-up-ignored",
      "return unlessAborted(mine, waiting.signal);",
      "return mine;",
      "a caller waits for a slot longer than its patience",
    ],
  ]),
  ...faultsIn("functions/_shared/budget/block-source.ts", [
    ["block-too-large", "const MAX_BLOCK = 128;", "const MAX_BLOCK = 1280;", "the database refuses the block"],
    [
      "slots-after-deadline",
      "const wanted = inTime(demand) - left;",
      "const wanted = demand - left;",
      "a run that ends holds up the next one",
    ],
    ["block-too-small", "const MAX_BLOCK = 128;", "const MAX_BLOCK = 64;", "the database is asked twice as often"],
    [
      "throttle-keeps-next-block",
      `generation += 1;
      upcoming = null;`,
      "generation += 1;",
      "a throttled lane uses slots of before the pause",
    ],
    [
      "old-block-installed",
      "return asked === generation ? fetched : null;",
      "return fetched;",
      "a block of before a refusal is used after it, without the pause",
    ],
    ["report-overtaken", "await reports;", "", "slots are reserved at the rate that Stripe just refused"],
    ["slots-for-nobody", "|| wanted <= 0) return;", ") return;", "slots are reserved that nobody uses"],
    [
      "no-number-of-slots",
      "if (intervalMs === 0) return demand;",
      "",
      "a deadline that passes meanwhile is told as a broken budget",
    ],
    ["prefetch-never", "left > PREFETCH_AT ||", "true ||", "every block starts with a pause"],
    ["prefetch-unhandled", "upcoming.catch(() => {});", "", "a lost reservation kills the function"],
    [
      "slow-database-starves",
      "lostOnTheWay = block.givenUp + (late > block.overdueMs ? Math.ceil(late / slots.intervalMs) : 0);",
      "",
      "with a slow database no slot ever arrives in time",
    ],
  ]),
  ...faultsIn("functions/_shared/budget/window.ts", [
    ["window-half", "const WINDOW_MS = 1_028;", "const WINDOW_MS = 514;", "a second sees twice the calls"],
    ["window-uncounted", "enteredAt.push(clock.monotonic());", "", "the window lets everybody through"],
  ]),
  ...faultsIn("functions/_shared/budget/call-budget.ts", [
    [
      "time-of-each-lane",
      "account, databaseTime, reported",
      "account, databaseTime: createDatabaseTime(), reported",
      "an endpoint's first block loses the slots of a slow reply although the clock is known",
    ],
    [
      "account-throttle-one-lane",
      `scope === "account" ? lanes.values() : [laneOf(endpoint)]`,
      "[laneOf(endpoint)]",
      "the other lanes go on at the old rate",
    ],
    ["throttle-untold", "options.report(endpoint, scope);", "Promise.resolve();", "other runs are not slowed down"],
    [
      "new-lane-overtakes",
      `if (scope === "account") ofAccount = Promise.allSettled([ofAccount, report]);`,
      "",
      "an endpoint not called yet reserves before the refusal is reported",
    ],
  ]),
  ...faultsIn("functions/_shared/budget/seats.ts", [
    ["in-flight-unlimited", "while (taken >= most) {", "while (false) {", "Stripe refuses for concurrency"],
    [
      "concurrency-to-zero",
      "Math.max(1, Math.floor(most / 2))",
      "Math.floor(most / 2)",
      "an endpoint stands still for ever",
    ],
    ["seat-lost", "else offer();", "", "a seat that was offered to somebody who left stays empty"],
    [
      "seat-for-nobody",
      "if (place >= 0) waiting.splice(place, 1);",
      "if (place >= 0) {}",
      "seats are offered to callers who left",
    ],
  ]),
  ...faultsIn("functions/_shared/budget/unless-aborted.ts", [
    ["already-given-up", "if (signal.aborted) giveUp();", "if (false) giveUp();", "a caller that left is waited for"],
  ]),
  ...faultsIn("functions/_shared/budget/refusal.ts", [
    [
      "lock-slows-all",
      `const OF_ONE_OBJECT = ["lock_timeout", "payment_intent_rate_limit_exceeded"];`,
      "const OF_ONE_OBJECT: string[] = [];",
      "one customer's lock slows the shop down",
    ],
    [
      "object-limit-slows-all",
      `reason === "resource-specific" ||`,
      "",
      "the limit of one object slows the shop down",
    ],
    [
      "unnamed-limit-ignored",
      "reason === null ? await codeOf(response) : null",
      `reason === null ? "lock_timeout" : null`,
      "a refusal for rate without a header slows nobody down",
    ],
    [
      "body-taken-away",
      "await response.clone().json()",
      "await response.json()",
      "the SDK finds the body read already",
    ],
    [
      "concurrency-halves-rate",
      `reason?.endsWith("-concurrency")`,
      "false",
      "too many at once counts as too many a second",
    ],
    [
      "account-throttle-as-endpoint",
      `reason?.startsWith("global") ? "account" : "endpoint"`,
      `"endpoint"`,
      "the account's limit is hit by the next endpoint",
    ],
  ]),
  ...faultsIn("functions/_shared/budget/budgeted-fetch.ts", [
    ["calls-uncounted", "statistics.calls += 1;", "", "a run's calls are not reported"],
    [
      "throttle-unseen",
      "await slowDownAfter(response, { ...options, endpoint, lane });",
      "",
      "a refusal for rate slows nobody down",
    ],
    [
      "expected-unheard",
      "lane.waiting.size + expected.of(endpoint)",
      "lane.waiting.size",
      "each cancel after a read reserves its own slot",
    ],
    [
      "seat-never-left",
      `} finally {
      lane.seats.leave();`,
      "} finally {",
      "ten failures stop an endpoint",
    ],
    [
      "seat-of-the-unsent",
      `lane.seats.leave();
      if (error instanceof UnsentCallError) throw error;`,
      "if (error instanceof UnsentCallError) throw error;",
      "ten failures of the budget stop an endpoint",
    ],
    [
      "budget-failure-as-it-is",
      `throw new UnsentCallError("budget",`,
      `if (error) throw error; throw new UnsentCallError("budget",`,
      "a failing database is blamed on the network, and the orders are set aside",
    ],
    [
      "report-failure-thrown",
      "onUnreported?.(endpoint, error);",
      "throw error;",
      "a refusal for rate becomes a lost connection",
    ],
    [
      "report-failure-silent",
      "onUnreported?.(endpoint, error);",
      "",
      "nobody learns why other runs are not slowed down",
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
    ["demand-grows", "} finally {\n    leave();", "} finally {", "slots are reserved for those who gave up"],
  ]),
  ...faultsIn("functions/_shared/stripe/gateway-failure.ts", [
    [
      "unsent-as-lost",
      "if (detail instanceof UnsentCallError) {",
      "if (false) {",
      "what never left is charged to the order as a lost connection",
      ["tests/unit/budget/own_failures_test.ts"],
    ],
    [
      "wire-timeout-as-lost",
      `fieldOf(error, "name") === "TimeoutError"`,
      "false",
      "a silent Stripe is recorded as a lost connection",
      ["tests/unit/stripe/wire_timeout_test.ts"],
    ],
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
