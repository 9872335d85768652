import { actionIntent, at, HOUR, intent, MINUTE, order, seconds } from "../rules/builders.ts";
import { type Fake, fakeStripe, lost, ok, refused, throttled, unsent } from "./fake-stripe.ts";
import {
  becomes,
  CANCEL,
  cancel,
  canceled,
  expectDecision,
  type Expected,
  processing,
  READ,
  refusal,
  SESSIONS,
  succeeded,
} from "./expect-decision.ts";

/** One PaymentIntent that looks unpaid, and one reply to its cancel. */
const intentRows: [string, (stripe: Fake) => void, Expected][] = [
  ["200, canceled, nothing received: expired", () => {}, {
    outcome: "expired",
    reason: "all_dead",
    payment: "canceled ended_by_run",
    calls: [READ, CANCEL],
  }],
  [
    "200, another status: inspected again, not dead",
    (stripe) => stripe.answer("cancelIntent", "pi_1", ok(intent())),
    { outcome: "retry", reason: "end_refused", payment: "kept end_refused", calls: [READ, CANCEL, READ] },
  ],
  [
    "200, not canceled yet, another inspection says canceled: expired by this run",
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, canceled, ok(intent()))),
    { outcome: "expired", payment: "canceled ended_by_run", calls: [READ, CANCEL, READ] },
  ],
  [
    "200, processing: inspected again, waits",
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, { status: "processing" }, ok(processing))),
    { outcome: "waiting", reason: "processing", next: at(HOUR), calls: [READ, CANCEL, READ] },
  ],
  [
    "200, canceled, but with part of the money: quarantined",
    (stripe) => {
      const odd = intent({ status: "canceled", amount_received: 1 });
      stripe.answer("cancelIntent", "pi_1", becomes(stripe, odd, ok(odd)));
    },
    { outcome: "quarantined", reason: "partly_received", calls: [READ, CANCEL, READ] },
  ],
  [
    "refused, the error says canceled: expired",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(canceled)),
    { outcome: "expired", payment: "found_dead already_dead", calls: [READ, CANCEL] },
  ],
  [
    "refused, another look says canceled: expired",
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, canceled, refusal())),
    { outcome: "expired", payment: "found_dead already_dead", calls: [READ, CANCEL, READ] },
  ],
  [
    "refused, the error says succeeded: paid",
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, succeeded, refusal(succeeded))),
    { outcome: "paid", reason: "paid", payment: "found_paid paid", calls: [READ, CANCEL, READ] },
  ],
  [
    "refused, another look says succeeded: paid",
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, succeeded, refusal())),
    { outcome: "paid", reason: "paid", payment: "found_paid paid" },
  ],
  [
    "refused, processing: waits an hour",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(processing)),
    { outcome: "waiting", reason: "processing", next: at(HOUR), payment: "kept processing" },
  ],
  [
    "refused with a code of no list, processing: waits",
    (stripe) => {
      const unlisted = refused(400, { errorCode: "payment_intent_invalid_cancellation_state" });
      stripe.answer("cancelIntent", "pi_1", becomes(stripe, processing, unlisted));
    },
    { outcome: "waiting", reason: "processing" },
  ],
  [
    "refused, requires_capture: waits for the capture",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(intent({ status: "requires_capture" }))),
    { outcome: "waiting", reason: "requires_capture", next: at(6 * HOUR) },
  ],
  [
    "refused, the customer went into 3-D Secure meanwhile: gets the grace",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(actionIntent("use_stripe_sdk"))),
    { outcome: "waiting", reason: "customer_action", next: at(5 * MINUTE) },
  ],
  [
    "refused, still cancelable, no session: tried again later",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(intent())),
    { outcome: "retry", reason: "end_refused", calls: [READ, CANCEL, SESSIONS, READ] },
  ],
  [
    "refused, unknown status: quarantined",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refusal(intent({ status: "requires_blessing" }))),
    { outcome: "quarantined", reason: "unknown_status" },
  ],
  [
    "400 about a parameter: quarantined",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(400, { errorCode: "parameter_unknown" })),
    { outcome: "quarantined", reason: "refused_request", calls: [READ, CANCEL] },
  ],
  [
    "400 idempotency_error: quarantined",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(400, { errorType: "idempotency_error" })),
    { outcome: "quarantined", reason: "idempotency_mismatch" },
  ],
  [
    "404: quarantined, never unpaid",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(404, { errorCode: "resource_missing" })),
    { outcome: "quarantined", reason: "payment_not_found", calls: [READ, CANCEL] },
  ],
  [
    "401: the run stops, the order is left as it was",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(401)),
    { outcome: "untouched", stop: "key_rejected" },
  ],
  [
    "403: the run stops, the order is left as it was",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(403)),
    { outcome: "untouched", stop: "permission_denied" },
  ],
  [
    "402: tried again later",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(402)),
    { outcome: "retry", reason: "card_error", calls: [READ, CANCEL, READ] },
  ],
  [
    "409: inspected again, and cancelled with a new key",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(409, { errorCode: "idempotency_key_in_use" })),
    { outcome: "expired", payment: "canceled ended_by_run", calls: [READ, CANCEL, READ, cancel("pi_1", 2)] },
  ],
  [
    "429 with a rate reason: inspected again before each further try",
    (stripe) => stripe.answer("cancelIntent", "pi_1", throttled, throttled),
    {
      outcome: "expired",
      payment: "canceled ended_by_run",
      calls: [READ, CANCEL, READ, cancel("pi_1", 2), READ, cancel("pi_1", 3)],
    },
  ],
  [
    "429 with a rate reason, three times: handed back, and no failure",
    (stripe) => stripe.answer("cancelIntent", "pi_1", throttled, throttled, throttled),
    { outcome: "handed_back", reason: "throttled", next: at(MINUTE), payment: "kept throttled" },
  ],
  [
    "429 with a rate reason, and a voucher is issued before the next try: waits",
    (stripe) => {
      const voucher = actionIntent("oxxo_display_details", { expires_after: seconds(at(HOUR)) });
      stripe.answer("cancelIntent", "pi_1", becomes(stripe, voucher, throttled));
    },
    { outcome: "waiting", reason: "voucher_open", next: at(HOUR), calls: [READ, CANCEL, READ] },
  ],
  [
    "429 lock_timeout: left alone for thirty seconds",
    (stripe) => stripe.answer("cancelIntent", "pi_1", refused(429, { errorCode: "lock_timeout" })),
    { outcome: "retry", reason: "object_busy", next: at(30_000), calls: [READ, CANCEL] },
  ],
  [
    "500, and it was executed: another look proves it",
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, canceled, refused(500))),
    { outcome: "expired", payment: "canceled ended_reply_lost", calls: [READ, CANCEL, READ] },
  ],
  ...(["bad_reply", "timeout", "connection_lost"] as const).flatMap((kind): typeof intentRows => [
    [
      `${kind}: still cancelable is cancelled once more, with a new key`,
      (stripe) => stripe.answer("cancelIntent", "pi_1", lost(kind)),
      { outcome: "expired", payment: "canceled ended_by_run", calls: [READ, CANCEL, READ, cancel("pi_1", 2)] },
    ],
    [
      `${kind}, twice: still cancelable is not dead, the calls may yet be executed`,
      (stripe) => stripe.answer("cancelIntent", "pi_1", lost(kind), lost(kind)),
      {
        outcome: "retry",
        reason: kind,
        payment: `kept ${kind}`,
        calls: [READ, CANCEL, READ, cancel("pi_1", 2), READ],
      },
    ],
  ]),
  [
    "a lost reply, and the second try is refused because the first was executed: this run cancelled it",
    (stripe) => stripe.answer("cancelIntent", "pi_1", lost("timeout"), becomes(stripe, canceled, refusal(canceled))),
    { outcome: "expired", payment: "canceled ended_reply_lost" },
  ],
  [
    "no room for it, however often: inspected again and cancelled at last, and no try is used up",
    (stripe) => stripe.answer("cancelIntent", "pi_1", ...Array(4).fill(unsent("crowded"))),
    { outcome: "expired", payment: "canceled ended_by_run", calls: [...Array(5).fill([READ, CANCEL]).flat()] },
  ],
  [
    "no time for it: handed back at once, and no failure",
    (stripe) => stripe.answer("cancelIntent", "pi_1", unsent("out_of_time")),
    { outcome: "untouched", calls: [READ, CANCEL] },
  ],
  [
    "cut body, and the customer had paid: paid",
    (stripe) => stripe.answer("cancelIntent", "pi_1", becomes(stripe, succeeded, lost("connection_lost"))),
    { outcome: "paid", reason: "paid" },
  ],
];

for (const [name, arrange, expected] of intentRows) {
  Deno.test(`reply to a cancel: ${name}`, async () => {
    const stripe = fakeStripe({ pi_1: intent() });
    arrange(stripe);
    await expectDecision(stripe, { order: order(), expected });
  });
}
