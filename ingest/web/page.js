// The map's page: the bar above, the map, the list, and the card of the chosen unit.

import { UnitCard } from "./card.js";
import { clockTime } from "./format.js";
import { Bar as FrameBar } from "./frame.js";
import { Sign } from "./glyphs.js";
import { UnitList } from "./list.js";
import { html } from "./view.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {{ state: State, actions: import("./state.js").Actions }} Props */

export const REFUSED_COUNTED = 100;

/** @param {Props} props */
export function Page({ state, actions }) {
  return html`<div class="page" data-script=${state.script} data-list=${state.isListOpen ? "open" : "closed"} data-card=${state.selected === null ? "none" : "open"}>
    <${Bar} state=${state} actions=${actions} />
    <main class="map" aria-label=${state.say("map")}></main>
    ${!state.hasMap && html`<p class="no-map" role="alert">${state.say("no_map")}</p>`}
    <div class="panel panel-list">
      <button type="button" class="sheet-handle" aria-expanded=${state.isListOpen} onClick=${actions.toggleList}>
        ${state.say(state.isListOpen ? "hide_list" : "show_list")}
      </button>
      <${UnitList} state=${state} actions=${actions} />
    </div>
    ${state.selected !== null && html`<div class="panel panel-card"><${UnitCard} key=${state.selected} state=${state} actions=${actions} /></div>`}
  </div>`;
}

/** @param {Props} props */
function Bar({ state, actions }) {
  const { say, link, language } = state;
  return html`<${FrameBar} say=${say} language=${language} setLanguage=${actions.setLanguage} path="/">
    <p class=${`link link-${link}`} role="status"><i class="dot"></i><span>${linkText(state)}</span></p>
    <${RefusedLink} state=${state} />
  <//>`;
}

/** @param {{ state: State }} props */
function RefusedLink({ state }) {
  const n = state.refused < REFUSED_COUNTED ? state.refused : `${REFUSED_COUNTED}+`;
  const text = state.say("refused", { n });
  return state.refused > 0 && html`<a class="refused" href="/api/v1/refused" aria-label=${text} title=${text}><${Sign} name="warning" /><b>${n}</b></a>`;
}

/** @param {State} state */
function linkText({ say, link, data_ms }) {
  if (link === "open") return say("link_open");
  return data_ms === 0 ? say("link_connecting") : say("link_waiting", { at: clockTime(data_ms) });
}
