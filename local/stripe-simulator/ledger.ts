/** Movements of money only. The oracle uses it to answer "was this order charged". Amounts are in minor units. */
export type LedgerEntry = {
  at: number;
  orderId: string | null;
  account: string;
  livemode: boolean;
  intent: string;
  kind: "authorised" | "released" | "charged" | "refunded" | "refund_failed" | "part_funded";
  amount: number;
  currency: string;
};

export type OrderMoney = {
  orderId: string;
  /** Charged, and not refunded in full so far. */
  charged: boolean;
  chargedAmount: number;
  refundedAmount: number;
  authorisedAmount: number;
  intents: string[];
};

/** Appends money movements and sums them by order. */
export class Ledger {
  readonly entries: LedgerEntry[] = [];
  readonly #byOrder = new Map<string, LedgerEntry[]>();

  add(entry: LedgerEntry): void {
    this.entries.push(entry);
    if (entry.orderId === null) return;
    const known = this.#byOrder.get(entry.orderId);
    if (known) known.push(entry);
    else this.#byOrder.set(entry.orderId, [entry]);
  }

  /** The sums of one order; zeros if it has no movements. */
  order(orderId: string): OrderMoney {
    return summed(orderId, this.#byOrder.get(orderId) ?? []);
  }

  orders(): OrderMoney[] {
    return [...this.#byOrder].map(([orderId, entries]) => summed(orderId, entries));
  }

  clear(): void {
    this.entries.length = 0;
    this.#byOrder.clear();
  }
}

function summed(orderId: string, entries: LedgerEntry[]): OrderMoney {
  const total = (kind: LedgerEntry["kind"]) =>
    entries.reduce((sum, entry) => entry.kind === kind ? sum + entry.amount : sum, 0);
  const chargedAmount = total("charged");
  const refundedAmount = total("refunded") - total("refund_failed");
  return {
    orderId,
    charged: chargedAmount > refundedAmount,
    chargedAmount,
    refundedAmount,
    authorisedAmount: total("authorised") - total("released"),
    intents: [...new Set(entries.map((entry) => entry.intent))],
  };
}
