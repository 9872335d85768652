import { z } from "zod";
import type { Call } from "./endpoint.ts";
import { integer, readParams } from "./params.ts";
import { API_VERSION } from "./render.ts";
import type { WebhookEndpoint } from "./webhooks.ts";

const listSchema = z.strictObject({ limit: integer.optional() });
const destinationsSchema = z.strictObject({ limit: integer.optional(), include: z.array(z.string()).optional() });

/** GET /v1/webhook_endpoints: those with snapshot payloads, all on one page. */
export function listWebhookEndpoints(call: Call) {
  readParams(listSchema, call.params);
  return () => ({
    object: "list",
    url: "/v1/webhook_endpoints",
    has_more: false,
    data: call.webhooks.filter(({ payload }) => payload === "snapshot").map((endpoint, n) => ({
      id: `we_${n + 1}`,
      object: "webhook_endpoint",
      api_version: API_VERSION,
      enabled_events: endpoint.types ?? ["*"],
      livemode: call.store.livemode,
      status: endpoint.status,
      url: endpoint.url,
    })),
  });
}

/** GET /v2/core/event_destinations: both kinds of payloads. The URL is included only on request. */
export function listDestinations(call: Call) {
  const { include = [] } = readParams(destinationsSchema, call.params);
  return () => ({
    data: call.webhooks.map((endpoint, n) => ({
      id: `ed_test_${n + 1}`,
      object: "v2.core.event_destination",
      enabled_events: enabledEvents(endpoint),
      event_payload: endpoint.payload,
      livemode: call.store.livemode,
      ...endpoint.payload === "snapshot" ? { snapshot_api_version: API_VERSION } : {},
      status: endpoint.status,
      type: "webhook_endpoint",
      ...include.includes("webhook_endpoint.url") ? { webhook_endpoint: { url: endpoint.url } } : {},
    })),
    next_page_url: null,
    previous_page_url: null,
  });
}

function enabledEvents({ types, payload }: WebhookEndpoint): string[] {
  return types?.map((type) => payload === "thin" ? `v1.${type}` : type) ?? ["*"];
}
