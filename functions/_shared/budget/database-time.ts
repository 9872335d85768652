/** A reply that tells the database's time, and when it was asked for and came; those are of the clock's monotonic time. */
export type TimedReply = { now?: Date | undefined; askedAt: number; answeredAt: number };

/** Between which of the clock's monotonic times something happened. */
export type Moment = { earliest: number; latest: number };

/** What one process knows of the database's clock: how far its own, monotonic one is ahead of it, as a range. */
export type DatabaseTime = {
  /** When the database's clock showed the reply's `now`. Learns from the reply first. */
  momentOf(reply: TimedReply): Moment;
};

/** A Date drops what is less than a millisecond. */
const DROPPED_MS = 1;

/**
 * Every reply bounds what its clock may be: `now` was read after the question and before the answer. One that came back at once bounds
 * it to a few milliseconds, also for a later one, of which nobody knows whether it waited before it was executed or after. So the
 * tightest bounds of all replies are kept.
 *
 * Where a reply contradicts them, one of the clocks was set, or they drifted apart; then it is believed alone. The bounds do not
 * age: two clocks drift apart by less than a millisecond in ten seconds, and a run lasts a few minutes.
 *
 * A database that does not tell its time is taken to have read its clock when it was asked.
 */
export function createDatabaseTime(): DatabaseTime {
  let ahead = { least: -Infinity, most: Infinity };
  return {
    momentOf({ now, askedAt, answeredAt }) {
      if (now === undefined) return { earliest: askedAt, latest: askedAt };
      const shown = now.getTime();
      const told = { least: askedAt - shown - DROPPED_MS, most: answeredAt - shown };
      const both = { least: Math.max(ahead.least, told.least), most: Math.min(ahead.most, told.most) };
      ahead = both.least <= both.most ? both : told;
      return {
        earliest: Math.max(shown + ahead.least, askedAt),
        latest: Math.min(shown + DROPPED_MS + ahead.most, answeredAt),
      };
    },
  };
}
