// One unit in full: what it said last and when, how far that is to be trusted, and its day.

import { useEffect, useRef, useState } from "preact/hooks";
import { freshnessOf, hasPosition, isPositionHeld, titleOf } from "./fleet.js";
import { coordinates, dateTime, newsAge, quantity, span, speed } from "./format.js";
import { Glyph, glyphOfUnit, Sign } from "./glyphs.js";
import { capabilityName } from "./list.js";
import { Replay } from "./replay.js";
import { html } from "./view.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Actions} Actions */
/** @typedef {import("./fleet.js").Unit} Unit */
/** @typedef {import("./messages.js").Say} Say */

/** @param {{ state: State, actions: Actions }} props */
export function UnitCard({ state, actions }) {
  const { say, fleet, selected } = state;
  const unit = selected === null ? undefined : fleet.units.get(selected);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  // A reader without a pointer is taken to the card, and back to where they were when it closes.
  useEffect(() => {
    const before = document.activeElement;
    box.current?.focus({ preventScroll: true });
    return () => before instanceof HTMLElement && before.isConnected && before.focus({ preventScroll: true });
  }, []);
  if (unit === undefined) return null;
  return html`<section class="card" ref=${box} tabindex="-1" aria-label=${say("unit_card", { unit: titleOf(unit) })}>
    <${Head} unit=${unit} state=${state} actions=${actions} />
    <div class="card-body">
      <${Notice} unit=${unit} state=${state} />
      <${Figures} unit=${unit} state=${state} />
      <${Position} unit=${unit} state=${state} />
      <${Replay} state=${state} actions=${actions} />
      <${Vitals} unit=${unit} state=${state} />
      <${Events} state=${state} />
    </div>
  </section>`;
}

/** @param {{ unit: Unit, state: State, actions: Actions }} props */
function Head({ unit, state, actions }) {
  const { say, now_ms, fleet } = state;
  const freshness = freshnessOf(unit, now_ms, fleet.limits);
  const isHeld = freshness === "live" && isPositionHeld(unit, now_ms, fleet.limits);
  return html`<header class="card-head">
    <${Glyph} name=${glyphOfUnit(unit.capabilities)} look=${isHeld ? "held" : freshness} size=${44} />
    <div class="card-title">
      <h2>${titleOf(unit)}</h2>
      <p>
        <span class=${`state state-${freshness}`}><i class=${`dot dot-${freshness}`}></i>${say(freshness)}</span>
        <small>${unit.unit}</small>
      </p>
    </div>
    <button type="button" class="icon-button" aria-label=${say("show_on_map")} title=${say("show_on_map")} disabled=${!hasPosition(unit)} onClick=${actions.showOnMap}><${Sign} name="target" /></button>
    <button type="button" class="icon-button" aria-label=${say("close")} title=${say("close")} onClick=${() => actions.select(null)}><${Sign} name="close" /></button>
  </header>`;
}

/** What a reader must know before trusting the rest. @param {{ unit: Unit, state: State }} props */
function Notice({ unit, state }) {
  const { say, now_ms, fleet } = state;
  const freshness = freshnessOf(unit, now_ms, fleet.limits);
  const notes = [];
  if (unit.received_ms === null) notes.push(say("notice_never"));
  else if (freshness !== "live") notes.push(say("notice_stale", { span: span(now_ms - unit.received_ms, say) }));
  else if (hasPosition(unit) && isPositionHeld(unit, now_ms, fleet.limits)) notes.push(say("notice_held", { at: dateTime(unit.sampled_ms) }));
  if (!hasPosition(unit)) notes.push(say("notice_no_position"));
  if (!unit.is_registered) notes.push(say("notice_unregistered"));
  const call = state.calls.get(unit.unit);
  return html`${call !== undefined && html`<p class="notice failure" role="alert"><a href=${`/alerts?alert=${call}`}>${say("notice_calling")}</a></p>`}
    ${notes.map((note) => html`<p class="notice">${note}</p>`)}`;
}

/** @param {{ unit: Unit, state: State }} props */
function Figures({ unit, state }) {
  const { say, now_ms, fleet } = state;
  const isOld = freshnessOf(unit, now_ms, fleet.limits) !== "live" || isPositionHeld(unit, now_ms, fleet.limits);
  return html`<dl class=${isOld ? "figures is-old" : "figures"}>
    <${Figure} name=${say("speed")} value=${speed(unit.speed_m_s)} />
    <${Figure} name=${say("course")} value=${quantity(unit.course_deg, 0, "°").replace("\u00a0", "")} />
    <${Figure} name=${say("altitude")} value=${quantity(unit.altitude_msl_m, 0, "m")} />
    <${Figure} name=${say("satellites")} value=${quantity(unit.satellites, 0, "")} />
  </dl>`;
}

/** @param {{ name: string, value: any }} props */
const Figure = ({ name, value }) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;

/** @param {{ unit: Unit, state: State }} props */
function Position({ unit, state }) {
  const { say } = state;
  const [copied, setCopied] = useState("");
  if (!hasPosition(unit)) return null;
  const text = coordinates(unit.lat_deg, unit.lon_deg);
  const copy = () => navigator.clipboard.writeText(text).then(() => setCopied(text), () => setCopied(""));
  return html`<div class="position">
    <code>${text}</code>
    <button type="button" class="small-button" onClick=${copy}>${say(copied === text ? "copied" : "copy")}</button>
    <small>${dateTime(unit.sampled_ms)} · WGS-84 · ${unit.fix_mode ?? "–"}${unit.hdop === null ? "" : ` · HDOP ${unit.hdop.toFixed(1)}`}</small>
  </div>`;
}

/** @param {{ unit: Unit, state: State }} props */
function Vitals({ unit, state }) {
  const { say, now_ms, fleet } = state;
  // Who was connected when the last word came is no longer known to be.
  const isLive = freshnessOf(unit, now_ms, fleet.limits) === "live";
  const connection = isLive || unit.connection === "offline" ? unit.connection : "unknown";
  return html`<dl class="vitals">
    <${Figure} name=${say("last_news")} value=${newsAge(unit.received_ms, now_ms, say)} />
    <${Figure} name=${say("connection")} value=${say(`connection_${connection}`)} />
    <${Figure} name=${say("clock")} value=${say(`clock_${unit.clock ?? "unknown"}`)} />
    <${Figure} name=${say("capabilities")} value=${unit.capabilities.map((one) => capabilityName(one, say)).join(" · ") || "–"} />
    ${VITALS.filter(({ key }) => typeof unit.vitals[key] === "number" || typeof unit.vitals[key] === "string").map(
      ({ key, show }) => html`<${Figure} name=${say(`vital_${key}`)} value=${show(unit.vitals[key], say)} />`,
    )}
  </dl>`;
}

/** @type {{ key: string, show: (value: any, say: Say) => string }[]} */
const VITALS = [
  { key: "outbox_rows", show: (value) => quantity(value, 0, "") },
  { key: "outbox_age_s", show: (value, say) => span(value * 1000, say) },
  { key: "supply_mv", show: (value) => quantity(value / 1000, 1, "V") },
  { key: "battery_mv", show: (value) => quantity(value / 1000, 1, "V") },
  { key: "is_ignition_on", show: (value, say) => say(`is_${value}`) },
  { key: "soc_temperature_cc", show: (value) => quantity(value / 100, 0, "°C") },
  { key: "disk_free_mib", show: (value) => quantity(value / 1024, 1, "GiB") },
  { key: "odometer_m", show: (value) => quantity(value / 1000, 0, "km") },
  { key: "uptime_s", show: (value, say) => span(value * 1000, say) },
  { key: "dropped", show: (value) => quantity(value, 0, "") },
  { key: "nmea_refused", show: (value) => quantity(value, 0, "") },
  { key: "reconnects", show: (value) => quantity(value, 0, "") },
];

/** @param {{ state: State }} props */
function Events({ state }) {
  const { say, events } = state;
  if (events.length === 0) return null;
  return html`<section class="events">
    <h3>${say("events")}</h3>
    <ul>
      ${events.map(
        (one) => html`<li key=${`${one.kind}-${one.seq}`}>
          <time>${one.sampled_at === null ? say("clock_none") : dateTime(Date.parse(one.sampled_at))}</time>
          <b>${say(`event_${one.kind}`)}</b> <span>${valuesOf(one)}</span>
        </li>`,
      )}
    </ul>
  </section>`;
}

/** The record's own words: they are for whoever repairs the unit. @param {import("./state.js").UnitEvent} event */
function valuesOf({ kind, values }) {
  if (kind === "fault") return [values.part, values.code, values.state, values.detail].filter(Boolean).join(" · ");
  return Object.entries(values).filter(([, value]) => value !== null).map(([name, value]) => `${name} ${value}`).join(" · ");
}
