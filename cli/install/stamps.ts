/**
 * The number of a new migration, which must come after all others.
 *
 * The Supabase CLI sorts versions as text and refuses a file that comes before an applied one (CLI 3.1.0). A project
 * with sequential numbers (001, 002) gets the next number; one with timestamps gets the present time in UTC, or one
 * second after a timestamp in the future.
 */
export function nextVersion(taken: string[], now: Date): string {
  const newest = taken.toSorted().at(-1);
  if (newest === undefined) return stampOf(now);
  const counts = taken.every((version) => version.length < 14);
  const wanted = counts ? counted(newest) : stampOf(now) > newest ? stampOf(now) : secondAfter(newest);
  // After 9 comes 10 by number, but 91 as text.
  return wanted > newest ? wanted : `${newest}1`;
}

function counted(version: string): string {
  return String(BigInt(version) + 1n).padStart(version.length, "0");
}

function secondAfter(version: string): string {
  const [, year, month, day, hour, minute, second] =
    version.match(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/)?.map(Number) ?? [];
  if (year === undefined) return counted(version);
  const time = Date.UTC(year, month! - 1, day!, hour!, minute!, second!);
  // A number that looks like a time may not be one.
  return stampOf(new Date(time)) === version ? stampOf(new Date(time + 1_000)) : counted(version);
}

function stampOf(time: Date): string {
  return time.toISOString().replace(/\D/g, "").slice(0, 14);
}
