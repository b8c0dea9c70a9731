// The list of units: search, filters, and rows, of which only those in sight exist (1,000 units stay cheap).

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { callersFirst, capabilitiesOf, countsOf, FRESHNESS, freshnessOf, hasPosition, isPositionHeld, isShown, titleOf } from "./fleet.js";
import { newsAge, speed } from "./format.js";
import { Glyph, GLYPHS, glyphOf, glyphOfUnit } from "./glyphs.js";
import { html } from "./view.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Actions} Actions */
/** @typedef {import("./fleet.js").Unit} Unit */
/** @typedef {import("./messages.js").Say} Say */

const ROW_PX = 60; // as in page.css
const SPARE_ROWS = 4;

/** The name of a capability; one that has no translation is shown as the unit calls itself. @param {string} capability @param {Say} say */
export function capabilityName(capability, say) {
  const key = `capability_${capability}`;
  const text = say(key);
  return text === key ? capability : text;
}

/** What the filter leaves; whoever calls for help stands first, however long the list. @param {State} state */
function shownOf({ fleet, now_ms, filter, calls }) {
  return callersFirst(fleet.sorted().filter((unit) => isShown(unit, filter, now_ms, fleet.limits)), calls);
}

/** @param {{ state: State, actions: Actions }} props */
export function UnitList({ state, actions }) {
  const { fleet, say } = state;
  const all = fleet.sorted();
  const shown = shownOf(state);
  return html`<section class="list" aria-label=${say("units")}>
    <${Filters} state=${state} actions=${actions} all=${all} />
    <${Rows} state=${state} actions=${actions} shown=${shown} />
    <p class="list-foot" role="status">${footOf(state, shown.length, all.length)}</p>
  </section>`;
}

/** @param {State} state @param {number} shown @param {number} all */
function footOf({ say, isKnown }, shown, all) {
  if (!isKnown) return say("loading");
  return all === 0 ? say("no_units") : say("shown_of", { n: shown, all });
}

/** @param {{ state: State, actions: Actions, all: Unit[] }} props */
function Filters({ state, actions, all }) {
  const { say, filter, fleet, now_ms } = state;
  const counts = countsOf(all, now_ms, fleet.limits);
  // Enter opens the first unit found, by what is written now: it may not have been drawn yet.
  const openFirst = () => {
    const first = shownOf(state).at(0);
    if (first !== undefined) actions.select(first.unit);
  };
  return html`<div class="filters">
    <input
      type="search"
      class="search"
      placeholder=${say("search")}
      aria-label=${say("search")}
      aria-keyshortcuts="/"
      value=${filter.text}
      onInput=${(/** @type {any} */ event) => actions.filter({ text: event.target.value })}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "Enter" && !event.isComposing && openFirst()}
    />
    <div class="quick"><div class="chips" role="group" aria-label=${say("filter_state")}>
      ${FRESHNESS.map(
        (one) => html`<button
          type="button"
          class=${`chip chip-${one}`}
          aria-pressed=${filter.states.has(one)}
          onClick=${() => actions.toggleState(one)}
        >
          <i class=${`dot dot-${one}`}></i>${say(one)}<b>${counts[one]}</b>
        </button>`,
      )}
    </div>
    <${CapabilityFilter} state=${state} actions=${actions} all=${all} /></div>
  </div>`;
}

/** @param {{ state: State, actions: Actions, all: Unit[] }} props */
function CapabilityFilter({ state, actions, all }) {
  const { say, filter } = state;
  return html`<div class="kinds" role="group" aria-label=${say("filter_capability")}>
    ${capabilitiesOf(all).map(
      (one) => html`<button
        type="button"
        key=${one}
        class="kind"
        aria-pressed=${filter.capability === one}
        aria-label=${capabilityName(one, say)}
        title=${capabilityName(one, say)}
        onClick=${() => actions.filter({ capability: filter.capability === one ? null : one })}
      >
        <${Glyph} name=${glyphOf(one)} size=${26} />
      </button>`,
    )}
  </div>`;
}

/** The rows in sight, by how far the list is scrolled along its block direction (which Mongolian turns). */
function useWindow(/** @type {string} */ script) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [view, setView] = useState({ first: 0, rows: 20 });
  const measure = () => {
    const element = box.current;
    if (element === null) return;
    const isTurned = script === "mong";
    const first = Math.max(0, Math.floor((isTurned ? element.scrollLeft : element.scrollTop) / ROW_PX) - SPARE_ROWS);
    const rows = Math.ceil((isTurned ? element.clientWidth : element.clientHeight) / ROW_PX) + 2 * SPARE_ROWS;
    setView((old) => (old.first === first && old.rows === rows ? old : { first, rows }));
  };
  useLayoutEffect(() => {
    measure();
    window.addEventListener("resize", measure);
    return () => window.removeEventListener("resize", measure);
  }, [script]);
  return { box, view, measure };
}

/** @param {{ state: State, actions: Actions, shown: Unit[] }} props */
function Rows({ state, actions, shown }) {
  const { box, view, measure } = useWindow(state.script);
  const inSight = shown.slice(view.first, view.first + view.rows);
  return html`<div class="rows" ref=${box} onScroll=${measure} tabindex="-1">
    <ul style=${{ blockSize: `${shown.length * ROW_PX}px` }}>
      ${inSight.map(
        (unit, at) => html`<li
          key=${unit.unit}
          style=${{ insetBlockStart: `${(view.first + at) * ROW_PX}px` }}
          aria-setsize=${shown.length}
          aria-posinset=${view.first + at + 1}
        >
          <${Row} unit=${unit} state=${state} actions=${actions} />
        </li>`,
      )}
    </ul>
  </div>`;
}

/** @param {{ unit: Unit, state: State, actions: Actions }} props */
function Row({ unit, state, actions }) {
  const { say, now_ms, fleet } = state;
  const freshness = freshnessOf(unit, now_ms, fleet.limits);
  const isHeld = freshness === "live" && isPositionHeld(unit, now_ms, fleet.limits);
  const name = glyphOfUnit(unit.capabilities);
  const isCalling = state.calls.has(unit.unit);
  return html`<button
    type="button"
    class=${`row row-${freshness}${isCalling ? " row-calling" : ""}`}
    aria-current=${state.selected === unit.unit}
    onClick=${() => actions.select(unit.unit)}
  >
    <${Glyph} name=${name in GLYPHS ? name : "other"} look=${isHeld ? "held" : freshness} />
    <span class="row-name"><b>${titleOf(unit)}</b><small>${unit.name === null ? unit.capabilities.map((one) => capabilityName(one, say)).join(" · ") : unit.unit}</small></span>
    <span class="row-news"><b>${isCalling ? say("calling") : newsOf(unit, freshness, isHeld, say)}</b><small>${newsAge(unit.received_ms, now_ms, say)}</small></span>
  </button>`;
}

/** @param {Unit} unit @param {string} freshness @param {boolean} isHeld @param {Say} say */
function newsOf(unit, freshness, isHeld, say) {
  if (!hasPosition(unit)) return say("no_position");
  if (freshness !== "live") return say(freshness);
  return isHeld ? say("position_held") : speed(unit.speed_m_s);
}
