// Numbers and times as the reader sees them. Pure. Local time, one way of writing it in every language.

/** @typedef {import("./messages.js").Say} Say */

/** @param {number} number */
const two = (number) => String(number).padStart(2, "0");

/** "2026-11-21" of a local date. @param {Date} date */
export const dayOf = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;

/** "09:00:00". @param {number} at_ms */
export function clockTime(at_ms) {
  const date = new Date(at_ms);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** "2026-11-21 09:00:00". @param {number | null} at_ms */
export const dateTime = (at_ms) => (at_ms === null ? "–" : `${dayOf(new Date(at_ms))} ${clockTime(at_ms)}`);

const COUNTY_ZONE_MIN = 480; // of the times in the words of alerts, as ingest/stock/days.py has it

/** " UTC+1": the zone of the reader's own clock, to stand after a time of it; none where it is the county's. @param {number} at_ms */
export function zoneNote(at_ms) {
  const zone_min = -new Date(at_ms).getTimezoneOffset();
  if (zone_min === COUNTY_ZONE_MIN) return "";
  const [hours, minutes] = [Math.floor(Math.abs(zone_min) / 60), Math.abs(zone_min) % 60];
  return ` UTC${zone_min < 0 ? "\u2212" : "+"}${hours}${minutes === 0 ? "" : `:${two(minutes)}`}`;
}

/**
 * Local midnight of "2026-11-21" and the next one, in ms since 1970.
 * @param {string} day
 * @returns {[number, number]}
 */
export function boundsOfDay(day) {
  const [year, month, date] = day.split("-").map(Number);
  return [new Date(year, month - 1, date).getTime(), new Date(year, month - 1, date + 1).getTime()];
}

/** @param {string} day @param {number} days */
export function dayAfter(day, days) {
  const [year, month, date] = day.split("-").map(Number);
  return dayOf(new Date(year, month - 1, date + days));
}

/**
 * A span in the one unit that fits it: seconds are only worth reading below a minute.
 * @param {number} span_ms
 * @param {Say} say
 */
export function span(span_ms, say) {
  const s = Math.max(0, Math.floor(span_ms / 1000));
  if (s < 60) return say("span_s", { n: s });
  if (s < 3600) return say("span_min", { n: Math.floor(s / 60) });
  if (s < 2 * 86400) return say("span_h", { n: Math.floor(s / 3600) });
  return say("span_d", { n: Math.floor(s / 86400) });
}

/**
 * How long ago the last news came. Under ten seconds "now" says it better than a number that flickers.
 * @param {number | null} received_ms
 * @param {number} now_ms
 * @param {Say} say
 */
export function newsAge(received_ms, now_ms, say) {
  if (received_ms === null) return say("never");
  const age_ms = now_ms - received_ms;
  return age_ms < 10_000 ? say("now") : say("ago", { span: span(age_ms, say) });
}

/** @param {number | null | undefined} value @param {number} digits @param {string} unit */
export function quantity(value, digits, unit) {
  return value === null || value === undefined ? "–" : `${value.toFixed(digits)}${unit === "" ? "" : `\u00a0${unit}`}`;
}

/** @param {number | null | undefined} speed_m_s */
export const speed = (speed_m_s) => quantity(speed_m_s === null || speed_m_s === undefined ? null : speed_m_s * 3.6, 0, "km/h");

/** @param {number | null} lat_deg @param {number | null} lon_deg */
export const coordinates = (lat_deg, lon_deg) =>
  lat_deg === null || lon_deg === null ? "–" : `${lat_deg.toFixed(6)}, ${lon_deg.toFixed(6)}`;
