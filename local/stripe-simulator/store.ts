import type { SimulatorClock } from "./clock.ts";
import type { Ledger, LedgerEntry } from "./ledger.ts";
import { UpdateQuota } from "./limits.ts";
import { NewestFirst } from "./newest-first.ts";
import { renderIntent, renderSession } from "./render.ts";
import type { StoredDispute, StoredEvent, StoredIntent, StoredRefund, StoredSession } from "./stored.ts";

/** The account of keys that are not assigned to another one. */
export const PLATFORM_ACCOUNT = "acct_platform";

/** State shared by the stores of one simulator. */
export type Surroundings = {
  clock: SimulatorClock;
  ledger: Ledger;
  newId: (prefix: string) => string;
  onEvent: (event: StoredEvent, store: Store) => void;
};

/** Everything of one account in one mode. Stripe shows an object only to keys of its own account and mode. */
export class Store {
  readonly intents = new Map<string, StoredIntent>();
  readonly sessions = new Map<string, StoredSession>();
  readonly intentList = new NewestFirst<StoredIntent>();
  readonly sessionList = new NewestFirst<StoredSession>();
  readonly eventList = new NewestFirst<StoredEvent>();
  readonly events = new Map<string, StoredEvent>();
  readonly refunds: StoredRefund[] = [];
  readonly disputes: StoredDispute[] = [];
  /** Read calls and successful charges: Stripe allots 500 reads per transaction. Counted, never enforced. */
  readonly allocation = { reads: 0, transactions: 0 };
  readonly updates: UpdateQuota;
  #seq = 0;

  constructor(
    readonly account: string,
    readonly livemode: boolean,
    readonly around: Surroundings,
  ) {
    this.updates = new UpdateQuota(1000, around.clock.nowMs);
  }

  /** The account in an event: null for the platform's own. */
  get connectedAccount(): string | null {
    return this.account === PLATFORM_ACCOUNT ? null : this.account;
  }

  nextSeq(): number {
    return this.#seq++;
  }

  addIntent(intent: StoredIntent): void {
    this.intents.set(intent.id, intent);
    this.intentList.add(intent);
  }

  addSession(session: StoredSession): void {
    this.sessions.set(session.id, session);
    this.sessionList.add(session);
  }

  /** Records an event with the object's present state, and hands it to the webhook sender. */
  emit(type: string, subject: StoredIntent | StoredSession, key: string | null = null): void {
    const isSession = "expiresAt" in subject;
    this.emitObject(
      type,
      isSession ? renderSession(subject, this.livemode) : renderIntent(subject, this.livemode),
      key,
    );
  }

  /** The same, with an object that was already rendered. */
  emitObject(type: string, object: object, key: string | null = null): void {
    const id = this.around.newId("evt_");
    const event = {
      id,
      created: this.around.clock.nowSeconds(),
      seq: this.nextSeq(),
      type,
      object: structuredClone(object),
      key,
    };
    this.events.set(id, event);
    this.eventList.add(event);
    this.around.onEvent(event, this);
  }

  /**
   * The order that an intent pays for, even if only its session names it: Stripe copies no metadata between the two.
   */
  #orderOf(intent: StoredIntent): string | null {
    const session = intent.session === null ? undefined : this.sessions.get(intent.session);
    const reference = session?.extras?.client_reference_id as string | undefined;
    return intent.metadata.order_id ?? session?.metadata.order_id ?? reference ?? null;
  }

  money(kind: LedgerEntry["kind"], intent: StoredIntent, amount: number): void {
    if (kind === "charged") this.allocation.transactions++;
    this.around.ledger.add({
      at: this.around.clock.nowMs(),
      orderId: this.#orderOf(intent),
      account: this.account,
      livemode: this.livemode,
      intent: intent.id,
      kind,
      amount,
      currency: intent.currency,
    });
  }
}
