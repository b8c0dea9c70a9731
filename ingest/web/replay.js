// The day of one unit: choose it, read its track at any moment, play it, take it away as a file.

import { useEffect } from "preact/hooks";
import { boundsOfDay, clockTime, dayAfter, quantity, speed } from "./format.js";
import { Sign } from "./glyphs.js";
import { driven_m, momentAt, spanOf, trackUrl } from "./track.js";
import { html } from "./view.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Actions} Actions */

const STEP_MS = 10_000; // an arrow key
const PLAY_FACTORS = [60, 300, 1200];
const FILES = /** @type {const} */ (["gpx", "csv", "geojson"]);

/** @param {{ state: State, actions: Actions }} props */
export function Replay({ state, actions }) {
  const { say, track } = state;
  if (track === null) return null;
  return html`<section class="replay" aria-label=${say("track")}>
    <${DayPicker} state=${state} actions=${actions} />
    <${Slider} state=${state} actions=${actions} />
    <${Downloads} state=${state} />
  </section>`;
}

/** @param {{ state: State, actions: Actions }} props */
function DayPicker({ state, actions }) {
  const { say, day, today } = state;
  return html`<div class="days">
    <button type="button" class="icon-button" aria-label=${say("day_before")} onClick=${() => actions.setDay(dayAfter(day, -1))}><${Sign} name="before" /></button>
    <input
      type="date"
      aria-label=${say("day")}
      value=${day}
      max=${today}
      onChange=${(/** @type {any} */ event) => event.target.value !== "" && actions.setDay(event.target.value)}
    />
    <button type="button" class="icon-button" aria-label=${say("day_after")} disabled=${day >= today} onClick=${() => actions.setDay(dayAfter(day, 1))}><${Sign} name="after" /></button>
  </div>`;
}

/** @param {{ state: State, actions: Actions }} props */
function Slider({ state, actions }) {
  const { say, track } = state;
  const whole = track === null ? null : spanOf(track.runs);
  usePlaying(state, actions);
  if (track === null || whole === null) {
    const why = { loading: "track_loading", failed: "track_failed", ready: "track_empty" }[track?.status ?? "ready"];
    return html`<p class="replay-empty" role="status">${say(why)}</p>`;
  }
  const [first_ms, last_ms] = whole;
  const at_ms = track.at_ms ?? last_ms;
  return html`<div class="slider">
    <button type="button" class="icon-button" aria-label=${say(track.factor > 0 ? "pause" : "play")} onClick=${actions.togglePlay}>
      <${Sign} name=${track.factor > 0 ? "pause" : "play"} />
    </button>
    <input
      type="range"
      aria-label=${say("replay")}
      aria-valuetext=${clockTime(at_ms)}
      min=${first_ms}
      max=${last_ms}
      step=${STEP_MS}
      value=${at_ms}
      onInput=${(/** @type {any} */ event) => actions.seek(Math.min(last_ms, Number(event.target.value)))}
    />
    <${Moment} state=${state} at_ms=${at_ms} />
    <select aria-label=${say("replay_speed")} onChange=${(/** @type {any} */ event) => actions.setFactor(Number(event.target.value))}>
      ${PLAY_FACTORS.map((factor) => html`<option value=${factor} selected=${factor === state.factor}>×${factor}</option>`)}
    </select>
  </div>`;
}

/** @param {{ state: State, at_ms: number }} props */
function Moment({ state, at_ms }) {
  const { say, track } = state;
  if (track === null) return null;
  const moment = momentAt(track.runs, at_ms);
  const what = moment?.is_known === true ? speed(moment.speed_m_s) : say("not_known");
  return html`<output class="moment"><b>${clockTime(at_ms)}</b><small>${what}</small></output>`;
}

/** @param {{ state: State }} props */
function Downloads({ state }) {
  const { say, selected, day, track } = state;
  if (selected === null || track === null || track.runs.length === 0) return null;
  const [from_ms, to_ms] = boundsOfDay(day);
  return html`<div class="downloads">
    <span>${say("driven", { distance: quantity(driven_m(track.runs) / 1000, 1, "km") })}</span>
    ${FILES.map(
      (format) => html`<a href=${trackUrl(selected, from_ms, to_ms, format)} download aria-label=${say("download", { format: format.toUpperCase() })}
        >${format === "geojson" ? "GeoJSON" : format.toUpperCase()}</a
      >`,
    )}
  </div>`;
}

/** Moves the replay on with each frame while it plays. @param {State} state @param {Actions} actions */
function usePlaying(state, actions) {
  const factor = state.track?.factor ?? 0;
  useEffect(() => {
    if (factor === 0) return undefined;
    let frame = 0;
    let before_ms = performance.now();
    const step = (/** @type {number} */ now_ms) => {
      actions.advance((now_ms - before_ms) * factor);
      before_ms = now_ms;
      frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [factor]);
}
