/**
 * When the weekly clean-up is due on each Sunday of these years, by the European Union's rule for summer time and not by any time zone
 * database: 03:00 in Paris is 01:00 UTC from the last Sunday of March to the Saturday before the last Sunday of October, else 02:00.
 */
export function slotsOf(firstYear: number, lastYear: number): Date[] {
  const slots: Date[] = [];
  const end = Date.UTC(lastYear + 1, 0, 1);
  for (let day = firstSunday(firstYear); day < end; day += week) {
    const year = new Date(day).getUTCFullYear();
    const summer = day >= lastSunday(year, 2) && day < lastSunday(year, 9);
    slots.push(new Date(day + (summer ? 1 : 2) * hour));
  }
  return slots;
}

/** The Sundays on which the clocks change, as midnights in UTC. */
export function clockChanges(firstYear: number, lastYear: number): Date[] {
  const years = Array.from({ length: lastYear - firstYear + 1 }, (_, index) => firstYear + index);
  return years.flatMap((year) => [new Date(lastSunday(year, 2)), new Date(lastSunday(year, 9))]);
}

export const hour = 3_600_000;
export const week = 7 * 24 * hour;

function firstSunday(year: number): number {
  const january = Date.UTC(year, 0, 1);
  return january + (7 - new Date(january).getUTCDay()) % 7 * 24 * hour;
}

/** March and October both have 31 days. */
function lastSunday(year: number, month: number): number {
  const last = Date.UTC(year, month, 31);
  return last - new Date(last).getUTCDay() * 24 * hour;
}
