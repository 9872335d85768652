import { authenticate, requirePermission } from "./authenticate.ts";
import type { LoggedCall } from "./call-log.ts";
import { rateLimited, StripeRefusal } from "./errors.ts";
import { replayOrExecute } from "./execute.ts";
import { BAD_GATEWAY_HTML, disfigured, emptied, NoReply, strikeBeforeExecution } from "./fault-effects.ts";
import type { Fault } from "./faults.ts";
import { parseForm } from "./form.ts";
import { API_VERSION } from "./render.ts";
import { route } from "./routes.ts";
import type { World } from "./world.ts";

export type IncomingCall = {
  method: string;
  path: string;
  query: string;
  body: string;
  headers: Record<string, string | string[] | undefined>;
};

/** A reply, and how the connection behaves while it is sent. */
export type Reply = {
  status: number;
  headers: Record<string, string>;
  body: string;
  transport: "normal" | "hang" | "reset" | "cut_body" | "slow_body";
  /** slow_body: how long the body takes. hang: when the connection is finally cut. */
  transportMs?: number;
  /** Releases the call's place in the concurrency limit. Must be called when the connection is done. */
  finished: () => void;
};

/** Answers one call to /v1. Never throws: a bug in the simulator becomes a 500 and is recorded in `world.defects`. */
export async function answer(world: World, incoming: IncomingCall, entry: LoggedCall): Promise<Reply> {
  const requestId = world.newId("req_");
  const reply: Reply = {
    status: 200,
    headers: {
      "Content-Type": "application/json",
      "Request-Id": requestId,
      "Stripe-Version": String(incoming.headers["stripe-version"] ?? API_VERSION),
      ...(entry.idempotencyKey === null ? {} : { "Idempotency-Key": entry.idempotencyKey }),
    },
    body: "",
    transport: "normal",
    finished: () => {},
  };
  try {
    const fault = await answerAdmitted(world, incoming, { entry, reply, requestId });
    reply.headers.Date = dateOf(world);
    if (fault !== null) applyToReply(reply, fault);
  } catch (error) {
    reply.headers.Date = dateOf(world);
    refuse(world, reply, { error, entry });
  }
  entry.status = reply.transport === "hang" || reply.transport === "reset" ? null : reply.status;
  return reply;
}

/** The end of the call on the simulated calendar. Everything that the reply shows happened before it. */
function dateOf(world: World): string {
  return new Date(world.clock.nowMs() + world.behaviour.dateOffsetMs).toUTCString();
}

/**
 * Checks key, limits, faults, saved replies, parameters and lock, and then executes, in this order. Returns the fault
 * to apply afterwards.
 */
async function answerAdmitted(
  world: World,
  incoming: IncomingCall,
  context: { entry: LoggedCall; reply: Reply; requestId: string },
): Promise<Fault | null> {
  const { entry, reply, requestId } = context;
  const { method, path } = incoming;
  const caller = authenticate(world, incoming.headers);
  Object.assign(entry, { account: caller.account, livemode: caller.livemode });
  if (incoming.headers["stripe-account"]) reply.headers["Stripe-Account"] = caller.account;
  const found = route(method, path);
  if (found === null) {
    const message =
      `Unrecognized request URL (${method}: ${path}). Please see https://stripe.com/docs or we can help at ` +
      "https://support.stripe.com/.";
    throw new StripeRefusal(404, { type: "invalid_request_error", message }, { saved: false });
  }
  const { endpoint, id } = found;
  Object.assign(entry, { endpoint: endpoint.name, objectId: id });
  requirePermission(world, caller.key, endpoint.name);
  const tenant = world.tenant(caller.account, caller.livemode);
  const overLimit = tenant.limiter.enter(endpoint.name, world.limits, performance.now());
  if (overLimit !== null) throw rateLimited(overLimit);
  reply.finished = () => tenant.limiter.leave(endpoint.name);
  if (method === "GET") tenant.store.allocation.reads++;

  const { delayMs, fault } = world.faults.strike({ endpoint: endpoint.name, objectId: id, account: caller.account });
  entry.fault = fault?.kind ?? (delayMs > 0 ? "delay" : null);
  await world.timers.sleep(delayMs);
  if (fault !== null) strikeBeforeExecution(fault, id);

  const text = method === "GET" ? incoming.query : incoming.body;
  const otherMode = world.tenant(caller.account, !caller.livemode).store;
  const result = await replayOrExecute(world, {
    tenant,
    endpoint,
    entry,
    fault,
    requestId,
    call: {
      store: tenant.store,
      id,
      params: parseForm(text),
      behaviour: world.behaviour,
      otherMode,
      webhooks: world.webhooks.endpoints,
    },
    fingerprint: { path, params: text.split("&").sort().join("&") },
  });
  reply.status = result.status;
  reply.body = result.body;
  if (result.replayed) {
    entry.replayed = true;
    Object.assign(reply.headers, { "Idempotent-Replayed": "true", "Original-Request": result.requestId });
  } else if (entry.idempotencyKey !== null) reply.headers["Original-Request"] = requestId;
  if (fault?.kind === "delay_reply") await world.timers.sleep(fault.delayMs ?? 0);
  return fault;
}

/** The faults that occur after the call took effect. */
function applyToReply(reply: Reply, fault: Fault): void {
  const { kind } = fault;
  if (kind === "execute_then_hang" || kind === "execute_then_reset") {
    reply.transport = kind === "execute_then_hang" ? "hang" : "reset";
  } else if (kind === "execute_then_cut_body") reply.transport = "cut_body";
  else if (kind === "slow_body") reply.transport = "slow_body";
  else if (kind === "error_502_html") badGateway(reply);
  else if (kind === "error_503") {
    reply.status = 503;
    reply.body = JSON.stringify({ error: { type: "api_error", message: "Service unavailable." } });
  } else if (kind === "unknown_status" || kind === "missing_field" || kind === "null_payment_intent") {
    reply.body = disfigured(reply.body, fault);
  } else if (kind === "empty_page") reply.body = emptied(reply.body);
  else if (kind === "no_date") delete reply.headers.Date;
  reply.transportMs = fault.delayMs;
}

function refuse(world: World, reply: Reply, options: { error: unknown; entry: LoggedCall }): void {
  const { error, entry } = options;
  if (error instanceof NoReply) {
    reply.transport = error.transport;
    reply.transportMs = error.afterMs;
    return;
  }
  if (!(error instanceof StripeRefusal)) {
    world.defects.push(error instanceof Error ? error.stack ?? error.message : String(error));
    reply.status = 500;
    reply.body = JSON.stringify({ error: { type: "api_error", message: `Defect in the simulator: ${error}` } });
    return;
  }
  Object.assign(reply.headers, error.headers);
  reply.status = error.status;
  reply.body = JSON.stringify({ error: error.body });
  entry.reason = error.headers["Stripe-Rate-Limited-Reason"] ?? error.body.code ?? null;
  if (error.status === 502) badGateway(reply);
}

function badGateway(reply: Reply): void {
  reply.status = 502;
  reply.headers["Content-Type"] = "text/html";
  reply.body = BAD_GATEWAY_HTML;
}
