import { z } from "zod";
import { EVENTS } from "../../functions/_shared/rules/events.ts";
import { STRIPE_API_VERSION } from "../../functions/_shared/version.ts";
import { fault, type Finding, listed, notChecked, ok } from "./finding.ts";
import { deploy } from "../supabase.ts";
import { checkWebhook, type WebhookState } from "./functions.ts";

// Whether Stripe sends its events to this project. Stripe reveals the signing secret only when an endpoint is created, so
// the doctor cannot check whether STRIPE_WEBHOOK_SECRET is that secret.

/** One place that Stripe sends events to; `payload` is the snapshot's API version or `thin`. */
type Destination = { url: string; enabled: boolean; events: string[]; payload: string };

const endpoints = z.object({
  data: z.array(z.looseObject({
    url: z.string(),
    status: z.string(),
    enabled_events: z.array(z.string()),
    api_version: z.string().nullish(),
  })),
});
const destinations = z.object({
  data: z.array(z.looseObject({
    status: z.string(),
    enabled_events: z.array(z.string()),
    event_payload: z.string(),
    snapshot_api_version: z.string().nullish(),
    webhook_endpoint: z.looseObject({ url: z.string().nullish() }).nullish(),
  })),
});

type Options = { secretKey: string | undefined; apiBase: string };

/** What sends events to lapse-webhook, and lapse-webhook itself: neither can be judged without the other. */
export async function checkEvents(url: string, options: Options): Promise<Finding[]> {
  const { state, finding } = await checkWebhook(url);
  const address = `${url}/functions/v1/lapse-webhook`;
  const found = await findEndpoints(address, options);
  const endpoint = typeof found === "string" ? notChecked(ENDPOINT, found) : judgeEndpoints(found, { address, state });
  if (state !== "unset" || (typeof found !== "string" && found.length > 0)) return [finding, endpoint];
  return [
    typeof found === "string"
      ? notChecked(finding.check, `has no STRIPE_WEBHOOK_SECRET; if Stripe sends it events: ${finding.fix}`)
      : ok(finding.check, "has no STRIPE_WEBHOOK_SECRET and needs none: Stripe sends it nothing"),
    endpoint,
  ];
}

const ENDPOINT = "stripe-webhook";

/** The endpoints at Stripe with this address, or why they cannot be listed. */
async function findEndpoints(address: string, { secretKey, apiBase }: Options): Promise<Destination[] | string> {
  if (secretKey === undefined) return "STRIPE_SECRET_KEY is not set";
  try {
    const found = await readDestinations({ secretKey, apiBase });
    if (found === null) return "the key may not read webhook endpoints; grant it that, or look in Stripe's dashboard";
    return found.filter((it) => it.url.replace(/\/$/, "") === address);
  } catch (error) {
    return `Stripe cannot be read: ${error instanceof Error ? error.message : error}`;
  }
}

function judgeEndpoints(own: Destination[], { address, state }: { address: string; state: WebhookState }): Finding {
  if (own.length === 0) {
    if (state === "absent" || state === "unset") {
      const what =
        "sends lapse-webhook nothing: a webhook of the shop's own reports payments, or the next run finds them";
      return ok(ENDPOINT, what);
    }
    const fix = `in Stripe's dashboard, under Webhooks, add ${address} with the events of docs/API_ROUTES.md`;
    return fault(ENDPOINT, `no endpoint at Stripe sends events to ${address}`, fix);
  }
  if (state === "absent") {
    const fix = `${deploy("lapse-webhook")}, or remove the endpoint at Stripe`;
    return fault(ENDPOINT, "Stripe sends events to lapse-webhook, which is not deployed", fix);
  }
  const enabled = own.filter((it) => it.enabled);
  if (enabled.length === 0) {
    return fault(ENDPOINT, `the endpoint at Stripe for ${address} is disabled`, "enable it in Stripe's dashboard");
  }
  const sent = new Set(enabled.flatMap(({ events }) => events.map((event) => event.replace(/^v1\./, ""))));
  const lacking = sent.has("*") ? [] : EVENTS.filter((event) => !sent.has(event));
  if (lacking.length > 0) {
    return fault(ENDPOINT, `the endpoint does not send ${listed(lacking)}`, "add them in Stripe's dashboard");
  }
  const payloads = enabled.map(({ payload }) => payload).join("; ");
  return ok(ENDPOINT, `sends what is needed (${payloads}); its signing secret cannot be compared`);
}

/** Both lists, because neither is promised to have all; null if the key may read neither. */
async function readDestinations(options: { secretKey: string; apiBase: string }): Promise<Destination[] | null> {
  const [v2, v1] = await Promise.all([
    read("/v2/core/event_destinations?limit=100&include[0]=webhook_endpoint.url", options),
    read("/v1/webhook_endpoints?limit=100", options),
  ]);
  if (v2 === null && v1 === null) return null;
  const new_ = v2 === null ? [] : destinations.parse(v2).data.flatMap((it): Destination[] => {
    const url = it.webhook_endpoint?.url;
    const payload = it.event_payload === "thin" ? "thin" : `snapshot ${it.snapshot_api_version ?? ""}`.trim();
    return url ? [{ url, enabled: it.status === "enabled", events: it.enabled_events, payload }] : [];
  });
  const old = v1 === null ? [] : endpoints.parse(v1).data.map((it): Destination => ({
    url: it.url,
    enabled: it.status === "enabled",
    events: it.enabled_events,
    payload: `snapshot ${it.api_version ?? "of the account's version"}`,
  }));
  // An endpoint may be in both lists; it is reported once.
  return [...new_, ...old.filter(({ url }) => !new_.some((it) => it.url === url))];
}

/** Null if the key may not read it. */
async function read(path: string, { secretKey, apiBase }: { secretKey: string; apiBase: string }): Promise<unknown> {
  const response = await fetch(`${apiBase}${path}`, {
    headers: { authorization: `Bearer ${secretKey}`, "stripe-version": STRIPE_API_VERSION },
    signal: AbortSignal.timeout(15_000),
  });
  if (response.ok) return await response.json();
  await response.body?.cancel();
  // The newer list is not open to every account and key.
  if ([400, 401, 403, 404].includes(response.status)) return null;
  throw new Error(`it answered ${response.status} to ${path.replace(/\?.*/, "")}`);
}
