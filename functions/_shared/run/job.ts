import type { ExpectedCalls } from "../budget/expected-calls.ts";
import type { JobsDatabase, Lease } from "../database/jobs-database.ts";
import type { Settings } from "../database/contracts.ts";
import type { OrderDecision } from "../orders.ts";
import type { StalePaymentDecision } from "../payments.ts";
import type { StripeGateway } from "../stripe/gateway.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

/** Everything a job may touch. It knows neither HTTP nor the environment. */
export type Ports = {
  database: JobsDatabase;
  gateway: StripeGateway;
  /** Told of calls ahead, the gateway reserves their slots of the call budget together. */
  expected: ExpectedCalls;
  clock: Clock;
  log: Log;
  deadline: Deadline;
};

/** `claim`: claim nothing after this moment. `call`: start no call to Stripe after this one. */
export type Deadline = { claim: Date; call: Date };

/** What a run was asked to do. A dry run holds no lease, because it changes nothing. */
export type RunOrders = { lease: Lease; dryRun: false; limit: number; settings: Settings } | {
  lease: null;
  dryRun: true;
  limit: number;
  settings: Settings;
};

export type JobResult = {
  status: "succeeded" | "partial" | "failed" | "braked";
  /** Why the run is not `succeeded`. */
  error: string | null;
  /** Time ran out before the work did: a continuation should go on. */
  workLeft: boolean;
  /** What a dry run would have decided. */
  decisions?: RunDecision[];
};

/** What a run decides about: one job about orders, the other about payments. */
export type RunDecision = OrderDecision | StalePaymentDecision;

/** The work of one run, from its first claim to its last settlement. */
export type Job = (ports: Ports, orders: RunOrders) => Promise<JobResult>;
