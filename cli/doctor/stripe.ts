import { span } from "../output.ts";
import { fault, type Finding, notChecked, ok } from "./finding.ts";

/** Stripe's answer to a harmless call. `date` is Stripe's clock. */
type Reply = { status: number; date: Date | null };
type Options = { secretKey: string | undefined; apiBase: string };
type Asked = { findings: Finding[]; date: Date | null };

/** An id that no object has. With the permission Stripe answers 404, without it 403; neither changes anything. */
const NOBODY = "lapse_doctor_asks_nothing";
type Probe = { method: "GET" | "POST"; path: string; form?: string; what: string };

const NEEDED: Probe[] = [
  { method: "GET", path: "/v1/payment_intents?limit=1", what: "read PaymentIntents" },
  { method: "POST", path: `/v1/payment_intents/pi_${NOBODY}/cancel`, what: "write PaymentIntents" },
  { method: "GET", path: "/v1/checkout/sessions?limit=1", what: "read Checkout Sessions" },
  { method: "POST", path: `/v1/checkout/sessions/cs_test_${NOBODY}/expire`, what: "write Checkout Sessions" },
];
/** Needed only if the settings allow Lapse to make refunds. */
const REFUNDS: Probe = {
  method: "POST",
  path: "/v1/refunds",
  form: `payment_intent=pi_${NOBODY}`,
  what: "refund payments",
};
const SURPLUS: Probe[] = [
  { method: "GET", path: "/v1/customers?limit=1", what: "read customers" },
  { method: "GET", path: "/v1/payouts?limit=1", what: "read payouts" },
  { method: "GET", path: "/v1/balance", what: "read the balance" },
];

/** `livemode` null: both modes are accepted. `refunds`: whether the settings allow Lapse to make refunds. */
type Expected = { livemode: boolean | null; refunds: boolean };

/** Whether the key works, has the right mode, and has exactly the permissions that are needed. */
export async function checkStripe(
  { secretKey, apiBase }: Options,
  { livemode, refunds }: Expected,
): Promise<Asked> {
  const unknown = (why: string) => [notChecked("stripe-key", why), notChecked("stripe-permissions", why)];
  if (secretKey === undefined) return { findings: unknown("STRIPE_SECRET_KEY is not set"), date: null };
  const mode = /^(?:sk|rk)_(test|live)_\w+$/.exec(secretKey)?.[1];
  const skipped = notChecked("stripe-permissions", "the key itself is wrong");
  if (mode === undefined) {
    return {
      findings: [
        fault(
          "stripe-key",
          "it is neither a secret nor a restricted key",
          "set STRIPE_SECRET_KEY to one that begins with rk_",
        ),
        skipped,
      ],
      date: null,
    };
  }
  const ask = (probe: Probe) => call(probe, { secretKey, apiBase });
  let first: Reply;
  try {
    first = await ask(NEEDED[0]!);
  } catch (error) {
    return { findings: unknown(`Stripe cannot be reached: ${error}`), date: null };
  }
  if (first.status === 401) {
    const fix = "make a new restricted key in Stripe's dashboard and set STRIPE_SECRET_KEY for the functions";
    return {
      findings: [fault("stripe-key", "Stripe refuses it: wrong, expired or revoked", fix), skipped],
      date: first.date,
    };
  }
  if (livemode !== null && livemode !== (mode === "live")) {
    const what = `it is a ${mode} key, and the jobs work ${livemode ? "live" : "in test mode"}`;
    return {
      findings: [fault("stripe-key", what, "set the key of the same mode, or give --mode"), skipped],
      date: first.date,
    };
  }
  const key = ok("stripe-key", `works, in ${mode} mode`);
  return { findings: [key, await checkPermissions(secretKey, { ask, refunds })], date: first.date };
}

async function checkPermissions(
  secretKey: string,
  { ask, refunds }: { ask: (probe: Probe) => Promise<Reply>; refunds: boolean },
): Promise<Finding> {
  const check = "stripe-permissions";
  const probes = refunds ? [...NEEDED, REFUNDS] : NEEDED;
  const spare = refunds ? SURPLUS : [REFUNDS, ...SURPLUS];
  const needed = await Promise.all(probes.map(async (probe) => ({ ...probe, status: (await ask(probe)).status })));
  const lacking = needed.filter(({ status }) => status === 401 || status === 403);
  if (lacking.length > 0) {
    return fault(
      check,
      `the key may not ${lacking.map(({ what }) => what).join(", ")}`,
      "grant it in Stripe's dashboard",
    );
  }
  const odd = needed.filter(({ status }) => status >= 429);
  if (odd.length > 0) return notChecked(check, `Stripe answered ${odd[0]!.status}: try again later`);

  if (secretKey.startsWith("sk_live_")) {
    return fault(
      check,
      "a secret key may do everything",
      `make a restricted key: write PaymentIntents${
        refunds ? ", Checkout Sessions and Refunds" : " and Checkout Sessions"
      }`,
    );
  }
  if (secretKey.startsWith("sk_test_")) {
    return ok(
      check,
      "it has what is needed. A test key may do everything; for live payments use a restricted key (rk_live_…)",
    );
  }
  const surplus = await Promise.all(spare.map(async (probe) => ({ ...probe, reply: await ask(probe) })));
  const granted = surplus.filter(({ method, reply }) => isGranted(method, reply.status));
  if (granted.length > 0) {
    return fault(
      check,
      `the key may also ${granted.map(({ what }) => what).join(", ")}`,
      "revoke it in Stripe's dashboard",
    );
  }
  return ok(
    check,
    `it has what is needed; it lacks those to ${spare.map(({ what }) => what).join(", ")}; others were not tried`,
  );
}

/** With the permission, an unknown id is refused with 404 in a path and with 400 in a body. */
function isGranted(method: Probe["method"], status: number): boolean {
  return status === 200 || (method === "POST" && (status === 400 || status === 404));
}

async function call({ method, path, form }: Probe, { secretKey, apiBase }: { secretKey: string; apiBase: string }) {
  const response = await fetch(`${apiBase}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${secretKey}`,
      ...(method === "POST" ? { "content-type": "application/x-www-form-urlencoded" } : {}),
    },
    ...(method === "POST" ? { body: form ?? "" } : {}),
    signal: AbortSignal.timeout(15_000),
  });
  await response.body?.cancel();
  const date = response.headers.get("date");
  return { status: response.status, date: date === null ? null : new Date(date) };
}

/** Three clocks, read at about the same moment. `stripe` null: not read. */
export type Clocks = { here: Date; database: Date; stripe: Date | null };

/** Clocks that differ by less agree. Much more than a slow answer takes, and far less than matters to a deadline. */
const TOLERANCE_MS = 30_000;

/**
 * Compares three clocks. Deadlines use the database's, so it must be right; if two others agree against it, it is
 * wrong.
 */
export function judgeClocks({ here, database, stripe }: Clocks): Finding {
  const apart = (a: Date, b: Date) => Math.abs(a.getTime() - b.getTime()) > TOLERANCE_MS;
  const told = `database and this machine are ${span(database.getTime() - here.getTime())} apart`;
  if (stripe === null) {
    return apart(database, here)
      ? fault("clocks", told, "find out which of the two is wrong (a Stripe key would tell)")
      : ok("clocks", `${told}; Stripe's was not read`);
  }
  const all = `${told}, database and Stripe ${span(database.getTime() - stripe.getTime())}`;
  if (!apart(database, stripe)) {
    return apart(database, here)
      ? fault("clocks", `this machine's clock is wrong: ${all}`, "set it; the jobs do not use it")
      : ok("clocks", all);
  }
  return apart(database, here)
    ? fault("clocks", `the database's clock is wrong: ${all}`, "contact the platform's support: deadlines depend on it")
    : fault("clocks", `Stripe's clock is wrong: ${all}`, "find out which server answers instead of Stripe");
}
