import type { InspectedIntent, Walked } from "../_shared/database/cleanup-database.ts";
import type { StalePayment, StalePaymentDecision, SweepPage, SweepSlice } from "../_shared/payments.ts";
import type { Ports, RunOrders } from "../_shared/run/job.ts";

/** What a run does with the database. A dry run takes the same steps over another floor: it reads, and keeps what it would have written. */
export type CleanupSteps = {
  stalePayments(options: { dueBy: Date; limit: number }): Promise<StalePayment[]>;
  inspect(intents: InspectedIntent[]): Promise<StalePayment[]>;
  /** Null in a dry run: nothing is ended. False: the brake is on. */
  planEnds: ((payments: StalePayment[]) => Promise<boolean>) | null;
  settle(decisions: StalePaymentDecision[], page: Omit<SweepPage, "sweepId"> | null): Promise<Record<string, number>>;
  nextSlice(): Promise<SweepSlice | null>;
  /** Only in a dry run: what would have been decided. */
  foreseen: (() => StalePaymentDecision[]) | null;
};

/** Payments a dry run looks at besides the sweep. A real run over more would meet the brake. */
const DRY_RUN_PAYMENTS = 5_000;

/** The steps of a run, over the database; a dry run's write nothing there. */
export function createSteps(ports: Ports, orders: RunOrders): CleanupSteps {
  return orders.dryRun ? createDrySteps(ports) : createRealSteps(ports, orders);
}

function createRealSteps(
  { database, gateway: { livemode } }: Ports,
  { lease }: Extract<RunOrders, { dryRun: false }>,
): CleanupSteps {
  let slice: SweepSlice | null = null;
  return {
    stalePayments: (options) => database.stalePayments(livemode, options),
    inspect: (intents) => database.inspectPayments(livemode, intents),
    planEnds: (payments) => database.planEnds(lease, { livemode, payments }),
    async settle(decisions, page) {
      const sweepId = slice?.id ?? null;
      if (page && sweepId === null) {
        throw new Error("Cannot settle a page outside a slice: current value is null");
      }
      const settled = await database.settlePayments(lease, {
        livemode,
        decisions,
        page: page && sweepId !== null ? { ...page, sweepId } : null,
      });
      return settled.outcomes;
    },
    nextSlice: async () => slice = await database.nextSlice(lease, livemode),
    foreseen: null,
  };
}

function createDrySteps({ database, gateway: { livemode } }: Ports): CleanupSteps {
  const foreseen = new Map<string, StalePaymentDecision>();
  let asked = false;
  let walked: Walked | null = null;
  return {
    async stalePayments({ dueBy }) {
      if (asked) return [];
      asked = true;
      return await database.stalePayments(livemode, { dueBy, limit: DRY_RUN_PAYMENTS });
    },
    async inspect(intents) {
      const payments = await database.inspectPayments(livemode, intents);
      // A real run would have settled these by now.
      return payments.map((payment) =>
        foreseen.has(payment.stripeId) ? { ...payment, listed: { looks: 0, ending: false } } : payment
      );
    },
    planEnds: null,
    settle(decisions) {
      for (const decision of decisions) {
        foreseen.set(decision.stripeId, decision);
      }
      return Promise.resolve({ foreseen: decisions.length });
    },
    async nextSlice() {
      const slice = await database.previewSlice(livemode, walked);
      if (slice) walked = extend(walked, slice);
      return slice;
    },
    foreseen: () => [...foreseen.values()].filter(({ outcome }) => outcome !== "deferred" && outcome !== "unlisted"),
  };
}

function extend(walked: Walked | null, { createdFrom, createdTo }: SweepSlice): Walked {
  if (!walked) return { from: createdFrom, to: createdTo };
  return {
    from: createdFrom < walked.from ? createdFrom : walked.from,
    to: createdTo > walked.to ? createdTo : walked.to,
  };
}
