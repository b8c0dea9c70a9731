// What the map's page holds: what is known, and what the reader has chosen. One object, changed in place.

import { Fleet } from "./fleet.js";
import { dayOf } from "./format.js";

/** @typedef {import("./fleet.js").Freshness} Freshness */
/** @typedef {import("./fleet.js").Filter} Filter */
/** @typedef {import("./messages.js").Language} Language */
/** @typedef {import("./messages.js").Say} Say */
/** @typedef {import("./stream.js").Link} Link */

/** @typedef {{ status: "loading" | "ready" | "failed", runs: import("./track.js").Fix[][], at_ms: number | null, factor: number }} Track */

/** @typedef {{ kind: string, source: string, sampled_at: string | null, seq: number, values: Record<string, number | string | null> }} UnitEvent */

/**
 * `isKnown`: a snapshot has come. `data_ms`: when the last news came, by the service's clock. `calls`: units that
 * call for help, and the alerts that say so.
 * @typedef {{
 *   language: Language, script: "line" | "mong", say: Say, fleet: Fleet, isKnown: boolean, now_ms: number,
 *   link: Link, data_ms: number, filter: Filter, selected: string | null, day: string, today: string,
 *   track: Track | null, factor: number, events: UnitEvent[], refused: number, isListOpen: boolean, hasMap: boolean,
 *   calls: Map<string, number>,
 * }} State
 */

/**
 * @typedef {{
 *   filter: (change: Partial<Filter>) => void, toggleState: (one: Freshness) => void,
 *   select: (unit: string | null) => void, showOnMap: () => void, setLanguage: (language: Language) => void,
 *   setDay: (day: string) => void, seek: (at_ms: number) => void, advance: (ms: number) => void,
 *   togglePlay: () => void, setFactor: (factor: number) => void, toggleList: () => void,
 * }} Actions
 */

const FIRST_FACTOR = 300;

/** Before any news. @param {number} now_ms @returns {State} */
export function firstState(now_ms) {
  const today = dayOf(new Date(now_ms));
  return {
    language: "zh",
    script: "line",
    say: (key) => key,
    fleet: new Fleet(),
    isKnown: false,
    now_ms,
    link: "connecting",
    data_ms: 0,
    filter: { text: "", states: new Set(), capability: null },
    selected: null,
    day: today,
    today,
    track: null,
    factor: FIRST_FACTOR,
    events: [],
    refused: 0,
    isListOpen: true,
    hasMap: true,
    calls: new Map(),
  };
}
