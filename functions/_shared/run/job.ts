import type { Database } from "../database/database.ts";
import type { FinishedRun, Lease, Settings } from "../database/runs.ts";
import type { OrderDecision } from "../rules/orders.ts";
import type { StripeGateway } from "../stripe/gateway.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

/** A job: its work, and whether the work needs Stripe. */
export type Job = {
  /** If so, a run without Stripe's key fails at its beginning, not only when it makes its first call. */
  usesStripe: boolean;
  /** The work of one run, from its first claim to its last settlement. */
  work(ports: Ports, task: Task): Promise<JobResult>;
};

/** Everything a job may use. A job depends on neither HTTP nor the environment. */
export type Ports = {
  database: Database;
  /** Loads Stripe's SDK when first called: loading doubles the time of a start, and most runs need no Stripe. */
  openStripe(): Promise<StripeGateway>;
  clock: Clock;
  log: Log;
  deadline: Deadline;
  /** Aborted when the platform is about to end this worker. The run then claims nothing more, settles and hands over. */
  retired: AbortSignal;
};

/** `claim`: claim nothing after this moment. `call`: start no call to Stripe after this one. */
export type Deadline = { claim: Date; call: Date };

/** What a run was asked to do. A dry run holds no lease, because it changes nothing. */
export type Task = {
  job: string;
  /** Items that were due when the run began. */
  due: number;
  /** Whether refunds of late payments wait to be carried out. */
  refundsDue: boolean;
  /** Whether another run does not yet leave this one its share of the pace. */
  waitForShare: boolean;
  /** The maximum number of items to decide. */
  limit: number;
  settings: Settings;
  lease: Lease | null;
};

export type JobResult = {
  status: FinishedRun["status"];
  /** Why the run is not `succeeded`. */
  error: string | null;
  /** The run made progress and handed over before its work was done: a continuation starts at once. */
  workLeft: boolean;
  preview?: Preview;
};

/** What a dry run would have done. */
export type Preview = { summary: PreviewGroup[]; decisions: OrderDecision[] };

/**
 * Orders with the same outcome for the same reason. `amounts`: their total by currency, in minor units. `units`: the stock they hold, as far
 * as the shop can tell. `ages`: how long ago their deadlines were.
 */
export type PreviewGroup = {
  outcome: OrderDecision["outcome"];
  reason: OrderDecision["reason"];
  orders: number;
  amounts: Record<string, number>;
  units: number;
  methods: Record<string, number>;
  ages: { underAnHour: number; underADay: number; older: number };
  /** Null when none of the orders could be read. */
  oldestDeadline: Date | null;
  oldestRef: string | null;
  /** Null when the shop knows no amount. Of several currencies it is the largest in minor units. */
  largest: { ref: string; amount: number; currency: string } | null;
};

/** The result of a run that found nothing to do. */
export const NOTHING_DUE: JobResult = { status: "succeeded", error: null, workLeft: false };
