// The chosen unit's day: its track is asked for, grows while the day is today, and is read at any moment.
//
// An answer that comes after the reader has chosen something else is thrown away.

import { boundsOfDay } from "./format.js";
import { glyphOfUnit } from "./glyphs.js";
import { boundsOf, loadTrack, momentAt, spanOf } from "./track.js";

/** @typedef {import("./map.js").FleetMap} FleetMap */
/** @typedef {import("./state.js").State} State */

const GROW_EVERY_MS = 30_000;

export class DayTrack {
  #asked = new AbortController();
  #read_ms = 0;
  #state;
  #map;
  #draw;

  /**
   * @param {State} state
   * @param {() => FleetMap | undefined} map
   * @param {() => void} draw
   */
  constructor(state, map, draw) {
    this.#state = state;
    this.#map = map;
    this.#draw = draw;
  }

  async open() {
    this.#asked.abort();
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    const unit = this.#state.selected;
    this.#state.track = unit === null ? null : { status: "loading", runs: [], at_ms: null, factor: 0 };
    this.#map()?.setTrack([]);
    this.#map()?.setReplay(null, "other");
    if (unit === null) return;
    const runs = await this.#load(unit, signal);
    if (signal.aborted) return;
    /** @type {import("./state.js").Track} */
    const track = { status: runs === null ? "failed" : "ready", runs: runs ?? [], at_ms: null, factor: 0 };
    this.#state.track = track;
    this.#map()?.setTrack(track.runs);
    const bounds = boundsOf(track.runs);
    if (bounds !== null) this.#map()?.fit(bounds, true);
    this.#read_ms = performance.now();
    this.#draw();
  }

  async grow() {
    const { selected, day, today, track } = this.#state;
    if (selected === null || day !== today || track?.status !== "ready") return;
    if (performance.now() < this.#read_ms + GROW_EVERY_MS) return;
    this.#read_ms = performance.now();
    const runs = await this.#load(selected, this.#asked.signal);
    if (runs === null || this.#state.track !== track) return;
    track.runs = runs;
    this.#map()?.setTrack(runs);
    this.#draw();
  }

  /** @param {string} unit @param {AbortSignal} signal */
  #load(unit, signal) {
    const [from_ms, to_ms] = boundsOfDay(this.#state.day);
    return loadTrack(unit, from_ms, to_ms, signal).catch(() => null);
  }

  // --- the replay ---------------------------------------------------------------------------------------

  /** @param {number} at_ms */
  seek(at_ms) {
    const { track, fleet, selected } = this.#state;
    if (track === null) return;
    track.at_ms = at_ms;
    const unit = fleet.units.get(selected ?? "");
    if (unit !== undefined) this.#map()?.setReplay(momentAt(track.runs, at_ms), glyphOfUnit(unit.capabilities));
    this.#draw();
  }

  /** @param {number} ms */
  advance(ms) {
    const { track } = this.#state;
    const whole = track === null ? null : spanOf(track.runs);
    if (track === null || whole === null) return;
    const at_ms = (track.at_ms ?? whole[0]) + ms;
    if (at_ms >= whole[1]) track.factor = 0;
    this.seek(Math.min(at_ms, whole[1]));
  }

  togglePlay() {
    const { track, factor } = this.#state;
    const whole = track === null ? null : spanOf(track.runs);
    if (track === null || whole === null) return;
    const isAtEnd = track.at_ms === null || track.at_ms >= whole[1];
    if (track.factor === 0 && isAtEnd) track.at_ms = whole[0];
    track.factor = track.factor > 0 ? 0 : factor;
    this.#draw();
  }

  /** @param {number} factor */
  setFactor(factor) {
    const { track } = this.#state;
    this.#state.factor = factor;
    if (track !== null && track.factor > 0) track.factor = factor;
    this.#draw();
  }
}
