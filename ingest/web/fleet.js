// What the page knows of the units, and how fresh it is. Pure: no DOM, no network, time is an argument.
//
// Freshness is judged here and at every second, because silence is not an event:
//
//   live    news within `stale_after_s`, and the link is not known to be gone
//   stale   no news: what is shown is what was last known, and it grows old
//   gone    no news for `gone_after_s`, or never any
//
// A live unit may still not know where it is (a tunnel, an antenna torn off): its position is then `held`,
// shown as the last known one and never as a present one.

/**
 * One unit as the service describes it; null is "not known", never zero.
 * @typedef {{
 *   unit: string, name: string | null, capabilities: string[], is_registered: boolean,
 *   connection: "online" | "offline" | "unknown",
 *   sampled_at: string | null, received_at: string | null, clock: string | null,
 *   lat_deg: number | null, lon_deg: number | null, altitude_msl_m: number | null,
 *   speed_m_s: number | null, course_deg: number | null, satellites: number | null, hdop: number | null,
 *   fix_mode: string | null, quality: string | null, vitals: Record<string, number | string | null>,
 * }} UnitState
 */

/** @typedef {UnitState & { received_ms: number | null, sampled_ms: number | null }} Unit */

/** @typedef {"live" | "stale" | "gone"} Freshness */

/** @typedef {{ stale_after_s: number, gone_after_s: number }} Limits */

/** @typedef {{ text: string, states: Set<Freshness>, capability: string | null }} Filter */

/** @type {Freshness[]} */
export const FRESHNESS = ["live", "stale", "gone"];

// By sound for Chinese, by number for numbers.
const ORDER = new Intl.Collator("zh", { numeric: true });

/** @param {string | null} iso */
const instant_ms = (iso) => (iso === null ? null : Date.parse(iso));

/**
 * @param {UnitState} state
 * @returns {Unit}
 */
function unitOf(state) {
  return { ...state, received_ms: instant_ms(state.received_at), sampled_ms: instant_ms(state.sampled_at) };
}

export class Fleet {
  /** @type {Map<string, Unit>} */
  units = new Map();
  /** @type {Limits} */
  limits = { stale_after_s: 90, gone_after_s: 7 * 86400 };
  // Sorting a thousand Chinese names four times a second costs more than all the rest: the order is kept.
  #sorted_titles = "";
  /** @type {string[]} */
  #order = [];

  /** @param {UnitState[]} states @param {Limits} limits */
  replace(states, limits) {
    this.limits = limits;
    this.units = new Map(states.map((state) => [state.unit, unitOf(state)]));
  }

  /** @param {UnitState[]} states */
  merge(states) {
    for (const state of states) this.units.set(state.unit, unitOf(state));
  }

  /** The units in an order that does not change while they move. */
  sorted() {
    const titles = [...this.units.values()].map((unit) => `${unit.unit}\n${titleOf(unit)}`).join("\n");
    if (titles !== this.#sorted_titles) {
      this.#sorted_titles = titles;
      this.#order = [...this.units.values()].sort((a, b) => ORDER.compare(titleOf(a), titleOf(b))).map((unit) => unit.unit);
    }
    return /** @type {Unit[]} */ (this.#order.map((unit) => this.units.get(unit)));
  }
}

/** @param {{ name: string | null, unit: string }} unit */
export const titleOf = (unit) => unit.name ?? unit.unit;

/**
 * @param {Unit} unit
 * @param {number} now_ms
 * @param {Limits} limits
 * @returns {Freshness}
 */
export function freshnessOf(unit, now_ms, limits) {
  if (unit.received_ms === null) return "gone";
  const age_s = (now_ms - unit.received_ms) / 1000;
  if (age_s > limits.gone_after_s) return "gone";
  return age_s < limits.stale_after_s && unit.connection !== "offline" ? "live" : "stale";
}

/**
 * True when the position shown is an old one: the unit has no fix now, or has had none for a while.
 * @param {Unit} unit
 * @param {number} now_ms
 * @param {Limits} limits
 */
export function isPositionHeld(unit, now_ms, limits) {
  if (unit.fix_mode === "none" || unit.sampled_ms === null) return true;
  return now_ms - unit.sampled_ms >= limits.stale_after_s * 1000;
}

/** @param {Unit} unit */
export const hasPosition = (unit) => unit.lat_deg !== null && unit.lon_deg !== null;

/**
 * @param {Iterable<Unit>} units
 * @param {number} now_ms
 * @param {Limits} limits
 */
export function countsOf(units, now_ms, limits) {
  /** @type {Record<Freshness, number>} */
  const counts = { live: 0, stale: 0, gone: 0 };
  for (const unit of units) counts[freshnessOf(unit, now_ms, limits)] += 1;
  return counts;
}

/**
 * @param {Unit} unit
 * @param {Filter} filter
 * @param {number} now_ms
 * @param {Limits} limits
 */
export function isShown(unit, filter, now_ms, limits) {
  if (filter.capability !== null && !unit.capabilities.includes(filter.capability)) return false;
  if (filter.states.size > 0 && !filter.states.has(freshnessOf(unit, now_ms, limits))) return false;
  const text = filter.text.trim().toLowerCase();
  return text === "" || `${unit.unit} ${unit.name ?? ""}`.toLowerCase().includes(text);
}

/**
 * Those that call for help before the others, else in their order.
 * @param {Unit[]} units
 * @param {ReadonlyMap<string, number>} calls
 */
export function callersFirst(units, calls) {
  if (calls.size === 0) return units;
  return [...units.filter((one) => calls.has(one.unit)), ...units.filter((one) => !calls.has(one.unit))];
}

/** @param {Iterable<Unit>} units */
export function capabilitiesOf(units) {
  const seen = new Set();
  for (const unit of units) for (const capability of unit.capabilities) seen.add(capability);
  return /** @type {string[]} */ ([...seen].sort());
}
