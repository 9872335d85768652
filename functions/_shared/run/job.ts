import type { Database } from "../database/database.ts";
import type { Lease, RunEnd, Settings } from "../database/runs.ts";
import type { OrderDecision } from "../rules/orders.ts";
import type { StripeGateway } from "../stripe/gateway.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

/** A job as a run knows it: how to work, and whether it needs Stripe for that. */
export type Job = {
  /** Then the run fails at its beginning while Stripe's key is missing, and not first when there is something to ask. */
  usesStripe: boolean;
  /** The work of one run, from its first claim to its last settlement. */
  work(ports: Ports, task: Task): Promise<JobResult>;
};

/** Everything a job may touch. It knows neither HTTP nor the environment. */
export type Ports = {
  database: Database;
  /** Loads Stripe's SDK at the first call: that takes as long as the rest of a start, and most ticks have nothing to ask. */
  openStripe(): Promise<StripeGateway>;
  clock: Clock;
  log: Log;
  deadline: Deadline;
  /** Aborted when the platform is about to end this worker: claim nothing more, settle, hand over. */
  retired: AbortSignal;
};

/** `claim`: claim nothing after this moment. `call`: start no call to Stripe after this one. */
export type Deadline = { claim: Date; call: Date };

/** What a run was asked to do. A dry run holds no lease, because it changes nothing. */
export type Task = {
  job: string;
  /** Items that were due when the run began. */
  due: number;
  /** Most items to decide. */
  limit: number;
  settings: Settings;
  lease: Lease | null;
};

export type JobResult = {
  status: RunEnd["status"];
  /** Why the run is not `succeeded`. */
  error: string | null;
  /** The run handed over before its work was done, and got somewhere: a continuation goes on at once. */
  workLeft: boolean;
  preview?: Preview;
};

/** What a dry run would have done. */
export type Preview = { summary: PreviewGroup[]; decisions: OrderDecision[] };

/** Orders with the same outcome for the same reason. `amounts`: what they are worth, by currency, in minor units. */
export type PreviewGroup = {
  outcome: OrderDecision["outcome"];
  reason: OrderDecision["reason"];
  orders: number;
  amounts: Record<string, number>;
  methods: Record<string, number>;
  /** Null where none of them could be read. */
  oldestDeadline: Date | null;
};

/** The result of a run that found nothing to do. */
export const NOTHING_DUE: JobResult = { status: "succeeded", error: null, workLeft: false };
