import { type Fault, faultsIn } from "../fault.ts";

const STRIPE = "functions/_shared/stripe";
const CALLS = ["unit/stripe/calls_test.ts", "unit/stripe/gateway_test.ts"];
const GATEWAY = ["unit/stripe/gateway_test.ts"];
const PACE = ["unit/stripe/pace_test.ts"];
const RATE = ["unit/stripe/rate_limiter_test.ts", "unit/stripe/pace_test.ts"];

/** The gateway: what Stripe's replies are, retries, pace. */
export const STRIPE_FAULTS: Fault[] = [
  ...faultsIn(`${STRIPE}/outcome.ts`, ["unit/stripe/outcome_test.ts", "unit/stripe/gateway_test.ts"], [
    [
      "lock-is-throttle",
      `if (errorCode === "lock_timeout") return { kind: "busy", trace };`,
      "",
      "an object that is locked looks refused",
    ],
    [
      "one-object-slows-all",
      `if (rateLimitedReason === "resource-specific" || OF_ONE_OBJECT.includes(errorCode)) {`,
      "if (false) {",
      "one customer's lock slows the whole shop down",
    ],
    [
      "concurrency-is-rate",
      `rateLimitedReason?.endsWith("-concurrency") ? "concurrency" : "rate"`,
      `"rate"`,
      "too many calls at once stay too many",
    ],
    [
      "wrong-key-quarantines-all",
      `return { kind: "stop", why: "key_rejected", trace };`,
      `return { kind: "quarantine", why: "refused_request", trace };`,
      "a revoked key quarantines every order",
    ],
    [
      "one-account-stops-all",
      `return errorCode === "account_invalid"`,
      `return errorCode !== "account_invalid"`,
      "one shop that left stops the run for all",
    ],
    [
      "not-found-is-a-fault",
      `errorCode === "resource_missing" ? "payment_not_found" : "refused_request"`,
      `"refused_request"`,
      "a wrong key's 404 is not noticed",
    ],
    [
      "in-progress-is-refused",
      `return { kind: "unknown", why: "call_in_progress", trace };`,
      `return { kind: "refused", object: null, byCheckout: false, trace };`,
      "a call that may still execute counts as refused",
    ],
    ["500-is-a-fault", "if (httpStatus >= 500)", "if (httpStatus > 500)", "a plain 500 quarantines orders"],
    ["reused-key-unseen", `if (errorType === "idempotency_error")`, "if (false)", "a reused key is read as a refusal"],
    [
      "400-rate-limit-unseen",
      `if (errorCode === "rate_limit")`,
      "if (false)",
      "an old-style rate limit looks like a refusal",
    ],
    [
      "refused-read-assessed",
      `if (call === "read" || errorCode`,
      "if (errorCode",
      "a read that is invalid is repeated forever",
    ],
    [
      "wrong-parameter-assessed",
      ` || errorCode?.startsWith("parameter_")`,
      "",
      "a fault of this program looks like a refusal of the payment's state",
    ],
    [
      "checkout-unseen",
      "byCheckout: /created by Checkout/i.test(error.message),",
      "",
      "intents of Checkout are asked about once more for nothing",
    ],
    [
      "refused-object-dropped",
      "object: error.payment_intent ? parse(error.payment_intent) : null,",
      "",
      "each refusal costs a call more",
    ],
    [
      "timeout-looks-refused",
      `return { kind: "unknown", why: isTimeout(error) ? "timeout" : "connection_lost", trace };`,
      `return { kind: "refused", object: null, byCheckout: false, trace };`,
      "a cancel that may have worked counts as refused",
    ],
  ]),
  ...faultsIn(`${STRIPE}/calls.ts`, CALLS, [
    [
      "write-repeated",
      `return permission === "go" ? await attempt(call, "write") : unsent(permission);`,
      `if (permission !== "go") return unsent(permission);\n      const first = await attempt(call, "write");\n      return isTransient(first) ? await attempt(call, "write") : first;`,
      "a cancel is sent again without another look",
    ],
    ["read-not-repeated", "const MAX_ATTEMPTS = 3;", "const MAX_ATTEMPTS = 1;", "a hiccup costs an order an attempt"],
    [
      "read-repeated-for-ever",
      "|| attempts === MAX_ATTEMPTS) return last;",
      ") return last;",
      "a read that fails is repeated until the run is over",
    ],
    [
      "repeated-past-the-deadline",
      "if (clock.now().getTime() + pause >= deadline.getTime()) return last;",
      "",
      "a repetition outlives its run",
    ],
    [
      "unsent-hides-the-answer",
      "return last ?? unsent(permission);",
      "return unsent(permission);",
      "what Stripe said last is forgotten",
    ],
    [
      "error-without-error-key",
      "if (httpStatus >= 400) return",
      "if (false) return",
      "an error without an error key counts as an answer",
    ],
    ["throttle-unheard", "pace.slowDown(outcome.limit, sentAt);", "", "a rate limit slows nobody down"],
    ["throttle-uncounted", "statistics.throttled += 1;", "", "the watch hears of no rate limit", [
      ...CALLS,
      "unit/run/start_run_test.ts",
    ]],
    ["place-kept", "pace.release();", "", "after twenty calls nothing is asked any more"],
    [
      "card-error-repeated",
      ` && outcome.why !== "card_error")`,
      ")",
      "an answer that repeating cannot cure is asked for again",
    ],
    [
      "wrong-object-believed",
      `return object === null ? { kind: "unknown", why: "bad_reply", trace }`,
      `return false ? { kind: "unknown", why: "bad_reply", trace }`,
      "an answer that cannot be read is assessed",
    ],
  ]),
  ...faultsIn(`${STRIPE}/gateway.ts`, GATEWAY, [
    [
      "another-object-believed",
      "const isAsked = id === undefined || (parsed.data as { id?: unknown }).id === id;",
      "const isAsked = true;",
      "an answer about another payment closes this one's order",
    ],
    [
      "account-lost",
      `return account === "" ? {} : { stripeAccount: account };`,
      "return {};",
      "payments of connected accounts are looked for at the platform",
    ],
    [
      "cancel-without-key",
      `{ cancellation_reason: "abandoned" }, { ...accountOf(account), ...key }`,
      `{ cancellation_reason: "abandoned" }, accountOf(account)`,
      "a cancel that is sent twice is executed twice",
    ],
    [
      "expire-without-key",
      `expire(id, { expand: [CHARGE] }, { ...accountOf(account), ...key })`,
      `expire(id, { expand: [CHARGE] }, accountOf(account))`,
      "an expire that is sent twice is executed twice",
    ],
    [
      "session-unexpanded",
      `retrieve(id, { expand: [CHARGE] }, accountOf(account))`,
      "retrieve(id, {}, accountOf(account))",
      "no session can be judged",
    ],
    ["sdk-repeats", "maxNetworkRetries: 0,", "maxNetworkRetries: 2,", "the SDK repeats cancels on its own, at no pace"],
    [
      "version-unpinned",
      "apiVersion: STRIPE_API_VERSION,",
      "",
      "the account's default version answers, and fields move",
    ],
    [
      "window-begins-late",
      "gte: Math.floor(from.getTime() / 1_000)",
      "gte: Math.ceil(from.getTime() / 1_000) + 1",
      "a payment in the first second of a window is missed",
    ],
    [
      "first-page-again",
      "...(startingAfter === null ? {} : { starting_after: startingAfter }),",
      "",
      "only the newest hundred payments of a window are read",
    ],
    [
      "mode-turned-round",
      `return mode === "live";`,
      `return mode === "test";`,
      "live payments are judged with a test key",
    ],
    ["restricted-keys-refused", "/^(?:sk|rk)_(live|test)_/", "/^sk_(live|test)_/", "a restricted key cannot be used"],
  ]),
  ...faultsIn(`${STRIPE}/objects.ts`, GATEWAY, [
    ["odd-rows-dropped", "parsed.success ? [] : [id]", "[]", "a payment in a list that cannot be read is forgotten"],
    [
      "own-time-for-stripes",
      "answeredAt: dateOf(answer.lastResponse.headers),",
      "answeredAt: new Date(),",
      "a clock that is ahead lets the cursor pass payments that are not listed yet",
    ],
    ["page-begins-anew", "data.at(-1)?.id", "data.at(0)?.id", "the second page of a list is the first one again"],
  ]),
  ...faultsIn(`${STRIPE}/objects.ts`, ["unit/stripe/gateway_test.ts", "unit/stripe/simulated_stripe_test.ts"], [
    [
      "received-guessed",
      "amount_received: z.int(),",
      "amount_received: z._default(z.int(), 0),",
      "an intent that does not say what it received counts as unpaid",
    ],
    [
      "reference-not-read",
      "  client_reference_id: z.nullish(z.string()),\n  after_expiration",
      "  after_expiration",
      "a session that names its order by reference is quarantined",
      ["unit/rules/assess_session_test.ts"],
    ],
  ]),
  ...faultsIn(`${STRIPE}/pace.ts`, PACE, [
    [
      "calls-after-the-deadline",
      "isClosed || clock.now() >= deadline;",
      "isClosed;",
      "a run that is out of time keeps calling",
    ],
    [
      "calls-after-the-end",
      "isClosed || clock.now() >= deadline;",
      "clock.now() >= deadline;",
      "a worker that is being retired keeps calling",
    ],
    [
      "endpoint-unlimited",
      "return starts.length >= endpointPerSecond;",
      "return false;",
      "Stripe's limit of one endpoint is exceeded",
    ],
    [
      "endpoint-for-one-alone",
      "=> Math.ceil(1.25 * paymentsPerSecond);",
      "=> Math.max(25, Math.ceil(1.25 * paymentsPerSecond));",
      "both jobs together exceed Stripe's limit of one endpoint",
    ],
    ["any-number-at-once", " || !semaphore.hasRoom(now)", "", "Stripe's limit of concurrency is exceeded"],
    ["no-pace", "if (!limiter.mayStart(now) || ", "if (", "Stripe's limit for the account is exceeded"],
    ["lists-are-free", "export const LIST_COST = 0.5;", "export const LIST_COST = 0;", "lists exceed the pace"],
    [
      "costs-ignored",
      "limiter.debit(next.cost, now);",
      "limiter.debit(1, now);",
      "a page of a list costs as much as a payment",
    ],
    [
      "write-above-the-limit",
      `if (isFull(endpoint, now)) return "crowded";`,
      "",
      "cancels exceed Stripe's limit of their endpoint",
    ],
    [
      "write-after-the-deadline",
      `if (isOver()) return "out_of_time";\n      if (isFull`,
      "if (isFull",
      "a cancel is sent after the run's end",
    ],
    [
      "writes-uncounted",
      `      start(endpoint, now);\n      return "go";`,
      `      semaphore.acquire();\n      return "go";`,
      "cancels exceed Stripe's limit of their endpoint",
    ],
    [
      "concurrency-stays",
      `if (limit === "concurrency") semaphore.halve(now, sentAt);`,
      "",
      "too many calls at once stay too many",
    ],
    [
      "concurrency-only-narrows",
      "limiter.slowDown(now, sentAt);",
      `if (limit === "rate") limiter.slowDown(now, sentAt);`,
      "a refusal for concurrency slows nobody down",
    ],
  ]),
  ...faultsIn(`${STRIPE}/rate-limiter.ts`, RATE, [
    [
      "limit-halves-nothing",
      "Math.max(this.#perSecond / 2, LOWEST)",
      "this.#perSecond",
      "the pace stays what Stripe refused",
    ],
    ["no-pause", "now >= this.#pausedUntil && ", "", "calls go on while Stripe refuses them"],
    [
      "each-refusal-halves",
      "if (sentAt <= this.#pausedUntil) return;",
      "",
      "ten refusals of one moment bring a shop to a stop",
    ],
    [
      "never-restored",
      "this.#perSecond = Math.min(this.#target, this.#perSecond + seconds);",
      "",
      "one refusal slows the run to its end",
    ],
    [
      "bursts-saved-up",
      "Math.min(this.#balance + bursts * burst, Math.max(burst + leftOver, 1))",
      "this.#balance + bursts * burst",
      "after a quiet minute a hundred payments start at once",
    ],
    [
      "debts-forgiven",
      "this.#balance -= payments;",
      "this.#balance = Math.max(this.#balance - payments, 0);",
      "what costs more than its turn is never paid off",
    ],
    [
      "new-rate-forgives",
      "isSlowed ? Math.min(this.#perSecond, perSecond) : perSecond;",
      "perSecond;",
      "each settlement undoes a slowdown",
    ],
    ["late-burst-meets-next", "if (this.#isUntouched) this.#burstAt = now;", "", "two bursts meet in one moment"],
  ]),
  ...faultsIn(`${STRIPE}/pace.ts`, RATE, [
    [
      "room-for-nobody",
      "Math.max(1, Math.floor(this.#permitsAt(now) / 2))",
      "Math.floor(this.#permitsAt(now) / 2)",
      "after some refusals no call is allowed for a while",
    ],
    ["room-stays-narrow", "this.#permits + seconds)", "this.#permits)", "one refusal narrows the run to its end"],
  ]),
];
