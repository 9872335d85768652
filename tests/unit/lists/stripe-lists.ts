import type { Database } from "../../../functions/_shared/database/database.ts";
import type { ListCursor, ListedWindow } from "../../../functions/_shared/database/database.ts";
import { DatabaseError } from "../../../functions/_shared/errors.ts";
import type { Log, LogFields } from "../../../functions/_shared/run/log.ts";
import { beginInspection, type OrderRun } from "../../../functions/_shared/run/order-run.ts";
import { readLists } from "../../../functions/_shared/run/read-lists.ts";
import type { StripeGateway } from "../../../functions/_shared/stripe/gateway.ts";
import type { ListedPayment } from "../../../functions/_shared/stripe/objects.ts";
import { NO_TRACE, type Outcome } from "../../../functions/_shared/stripe/outcome.ts";
import { SETTINGS } from "../run/run-row.ts";

export const NOW = new Date("2026-11-22T12:00:00Z");
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const at = (offset: number) => new Date(NOW.getTime() + offset);

/** A payment as a list shows it. */
export function listed(id: string, createdAt: Date, change: Partial<ListedPayment> = {}): ListedPayment {
  const created = Math.floor(createdAt.getTime() / 1_000);
  return { id, status: "requires_payment_method", created, livemode: false, metadata: { order_id: id }, ...change };
}

type ListName = ListCursor["list"];
type World = {
  cursors: ListCursor[];
  /** What Stripe has, by list and account (`payment_intents`, `checkout_sessions acct_1`). */
  payments?: Record<string, ListedPayment[]>;
  /** An answer instead of a page. */
  fail?: (list: ListName, account: string, call: number) => Outcome<never> | null;
  /** How far Stripe's clock is ahead of the database's. */
  stripeAhead?: number;
  /** Milliseconds that pass with each page. */
  pageTakes?: number;
  /** Whether a recorded window proves the key. */
  proves?: boolean;
  database?: Partial<Database>;
  retired?: AbortSignal;
};

/** One page that was asked for. */
export type Asked = { list: ListName; account: string; from: Date; to: Date; startingAfter: string | null };

/** Reads the lists of this world; returns the calls to Stripe and to the database. */
export async function read({ payments = {}, cursors, ...world }: World) {
  const asked: Asked[] = [];
  const recorded: (ListedWindow & { account: string; list: ListName })[] = [];
  const failed: { account: string; list: ListName; error: string }[] = [];
  const lines: [string, LogFields][] = [];
  let elapsed = 0;
  const now = () => at(elapsed);
  const readTo = new Map(cursors.map((cursor) => [nameOf(cursor), cursor.readTo]));

  const listOf = (list: ListName): StripeGateway["listIntents"] => async ({ account, from, to, startingAfter }) => {
    asked.push({ list, account, from, to, startingAfter });
    elapsed += world.pageTakes ?? 0;
    const failure = world.fail?.(list, account, asked.length);
    if (failure) return failure;
    const seconds = (moment: Date) => moment.getTime() / 1_000;
    const all = (payments[nameOf({ list, account })] ?? [])
      .filter(({ created }) => created >= Math.floor(seconds(from)) && created < Math.ceil(seconds(to)))
      .toSorted((a, b) => b.created - a.created);
    const begin = startingAfter === null ? 0 : all.findIndex(({ id }) => id === startingAfter) + 1;
    const page = all.slice(begin, begin + 100);
    const answeredAt = new Date(Math.floor((now().getTime() + (world.stripeAhead ?? 0)) / 1_000) * 1_000);
    return await Promise.resolve({
      kind: "object",
      trace: NO_TRACE,
      object: {
        payments: page,
        unreadable: [],
        hasMore: begin + 100 < all.length,
        lastId: page.at(-1)?.id ?? null,
        answeredAt,
      },
    });
  };
  const database = {
    listCursors: () => Promise.resolve(cursors),
    recordListed: (_: unknown, { account, list }: ListCursor, __: boolean, window: ListedWindow) => {
      if (window.from > readTo.get(nameOf({ account, list }))!) {
        return Promise.reject(new DatabaseError("Cannot record a window that leaves a gap", { code: "22023" }));
      }
      recorded.push({ account, list, ...window });
      readTo.set(nameOf({ account, list }), window.to);
      return Promise.resolve({ readTo: window.to, recorded: window.payments.length, proven: world.proves ?? false });
    },
    listFailed: (_: unknown, { account, list }: ListCursor, __: boolean, error: string) =>
      Promise.resolve(void failed.push({ account, list, error })),
    ...world.database,
  } as unknown as Database;
  const gateway = {
    livemode: false,
    listIntents: listOf("payment_intents"),
    listSessions: listOf("checkout_sessions"),
  } as unknown as StripeGateway;
  const write = (event: string, fields: LogFields = {}) => void lines.push([event, fields]);
  const log: Log = { info: write, error: write, with: () => log };
  const run: OrderRun = {
    ...await beginInspection({
      database,
      openStripe: () => Promise.resolve(gateway),
      clock: { now, monotonic: () => elapsed, sleep: () => Promise.resolve() },
      log,
      deadline: { claim: at(40_000), call: at(50_000) },
      retired: world.retired ?? new AbortController().signal,
    }, {
      job: "expire-stale-orders",
      due: 1,
      refundsDue: false,
      waitForShare: false,
      limit: Infinity,
      settings: SETTINGS,
      lease: null,
    }),
    lease: { runId: "run", fence: 7 },
  };
  await readLists(run);
  return { asked, recorded, failed, lines, progress: run.progress, readTo: (name: string) => readTo.get(name) };
}

export function cursorOf(list: ListName, readTo: Date, account = "", proven = false): ListCursor {
  return { account, list, readTo, proven };
}

function nameOf({ list, account }: Pick<ListCursor, "list" | "account">): string {
  return account ? `${list} ${account}` : list;
}
