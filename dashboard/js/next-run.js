import { Cron } from "../vendor/croner.js";

/**
 * The next tick of a row of lapse_schedules, or its next local slot; null while it is paused, or for an expression that only pg_cron
 * understands.
 */
export function nextRun(schedule, now) {
  if (!schedule.active) return null;
  const { time_zone: zone, local_day: weekday, local_time: time } = schedule;
  const [hour, minute] = (time ?? "").split(":").map(Number);
  const pattern = zone === null ? schedule.cron : `${minute} ${hour} * * ${weekday ?? "*"}`;
  try {
    return new Cron(pattern, { timezone: zone ?? "UTC" }).nextRun(now);
  } catch {
    return null;
  }
}

/** A schedule in words: `every 5 min`, or `Sundays 03:00, Europe/Paris`. */
export function scheduleInWords({ cron, time_zone: zone, local_day: weekday, local_time: time }) {
  if (zone === null) return every(cron) ?? `${cron} (UTC)`;
  const days = ["Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"];
  return `${weekday === null ? "every day" : days[weekday - 1]} ${time.slice(0, 5)}, ${zone}`;
}

function every(cron) {
  const [, minutes] = cron.match(/^\*\/(\d+) \* \* \* \*$/) ?? [];
  return minutes ? `every ${minutes} min` : cron === "* * * * *" ? "every minute" : null;
}
