import { z } from "zod";
import type { StripeControl } from "./control.ts";
import { customerActionSchema } from "./customer-action.ts";
import { ENDPOINTS } from "./endpoint.ts";
import { faultSchema } from "./faults.ts";
import { listen, readBody, type RunningServer } from "./http-server.ts";
import { intentSpecSchema, sessionSpecSchema } from "./specs.ts";
import { webhookSchema } from "./webhooks.ts";

const rate = z.number().min(0).nullable().optional();
const latency = z.number().min(0);
const callQuery = z.strictObject({
  endpoint: z.enum(ENDPOINTS).optional(),
  objectId: z.string().optional(),
  account: z.string().optional(),
  status: z.int().optional(),
  executed: z.boolean().optional(),
  idempotencyKey: z.string().optional(),
  since: z.int().optional(),
});
const peakQuery = callQuery.extend({ windowMs: z.number().positive().optional() });
const objectQuery = z.strictObject({
  id: z.string().optional(),
  account: z.string().optional(),
  livemode: z.boolean().optional(),
  status: z.string().optional(),
  orderId: z.string().optional(),
});
const nothing = z.strictObject({});
const byId = z.strictObject({ id: z.string() });
const byKey = z.strictObject({ key: z.string() });

/** The schema of each method's argument. The type requires every method to be listed. */
const ARGUMENTS: Record<keyof StripeControl, z.ZodType> = {
  createPaymentIntents: z.array(intentSpecSchema),
  createCheckoutSessions: z.array(sessionSpecSchema),
  customer: customerActionSchema,
  addFault: faultSchema,
  removeFault: byId,
  clearFaults: nothing,
  faults: nothing,
  now: nothing,
  setClock: z.strictObject({ at: z.iso.datetime({ offset: true }), frozen: z.boolean().optional() }),
  advanceClock: z.strictObject({ ms: z.number() }),
  setLimits: z.strictObject({
    preset: z.enum(["sandbox", "live", "unlimited"]).optional(),
    globalPerSecond: rate,
    endpointPerSecond: rate,
    endpoints: z.record(z.string(), z.number().min(0).nullable()).optional(),
    globalConcurrency: rate,
    endpointConcurrency: rate,
  }),
  setLatency: z.strictObject({ latencyMs: z.union([latency, z.tuple([latency, latency])]) }),
  setBehaviour: z.strictObject({
    processingCancel: z.enum(["by_payment_method", "unexpected_state", "invalid_cancellation_state", "accept"])
      .optional(),
    refusalCarriesIntent: z.boolean().optional(),
    expiringSessionCancelsIntent: z.enum(["at_once", "never"]).optional(),
    refundStatus: z.enum(["succeeded", "pending"]).optional(),
    lockHoldMs: z.number().min(0).optional(),
    lockWaitMs: z.number().min(0).optional(),
    searchLagMs: z.number().min(0).optional(),
    dateOffsetMs: z.number().optional(),
  }),
  revokeKey: byKey,
  forbidKey: byKey.extend({ endpoints: z.array(z.enum(ENDPOINTS)).optional() }),
  restoreKey: byKey,
  setKeyAccount: byKey.extend({ account: z.string() }),
  mark: nothing,
  calls: callQuery,
  countCalls: callQuery,
  peakCalls: peakQuery,
  peaks: peakQuery,
  rateLimitedCalls: callQuery,
  paymentIntents: objectQuery,
  checkoutSessions: objectQuery,
  paymentIntent: byId,
  checkoutSession: byId,
  refunds: nothing,
  countIntents: objectQuery,
  orderMoney: z.strictObject({ orderId: z.string() }),
  ordersMoney: nothing,
  ledger: nothing,
  readAllocation: nothing,
  setWebhook: z.union([webhookSchema, z.array(webhookSchema)]).nullable(),
  events: nothing,
  resendEvent: z.strictObject({ id: z.string() }),
  webhookDeliveries: nothing,
  webhooksSettled: nothing,
  defects: nothing,
};

/**
 * Serves the control object on a separate port: `POST /<method>` with the argument as JSON returns `{ result }`. Status
 * 400 for an invalid argument, 404 for an unknown method, 409 if the method throws.
 */
export function serveControl(control: StripeControl, port: number): Promise<RunningServer> {
  return listen(async (request, response) => {
    const { status, body } = await invoke(control, { url: request.url ?? "/", text: await readBody(request) });
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  }, port);
}

async function invoke(
  control: StripeControl,
  call: { url: string; text: string },
): Promise<{ status: number; body: unknown }> {
  const name = call.url.slice(1).split("?")[0]!;
  const schema = Object.hasOwn(ARGUMENTS, name) ? ARGUMENTS[name as keyof StripeControl] : undefined;
  if (schema === undefined) {
    return { status: 404, body: { error: `Unknown method: ${name}`, methods: Object.keys(ARGUMENTS) } };
  }
  try {
    const argument = schema.parse(call.text === "" ? {} : JSON.parse(call.text));
    const method = control[name as keyof StripeControl] as (argument: unknown) => unknown;
    return { status: 200, body: { result: await method.call(control, argument) ?? null } };
  } catch (error) {
    const wrong = error instanceof z.ZodError || error instanceof SyntaxError;
    const message = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    return { status: wrong ? 400 : 409, body: { error: message } };
  }
}
