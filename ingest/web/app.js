// The page: holds what is known and chosen, takes the news, and draws both list and map from it.
//
// The DOM is drawn at most DRAWS_PER_S times a second however fast the news come; the map paces itself.

import { render } from "preact";
import { ServiceClock } from "./clock.js";
import { DayTrack } from "./day_track.js";
import { freshnessOf, hasPosition } from "./fleet.js";
import { dayOf } from "./format.js";
import { loadPlaces } from "./labels.js";
import { FleetMap } from "./map.js";
import { isLanguage, LANGUAGES, loadMessages, preferredLanguage, sayer } from "./messages.js";
import { Page, REFUSED_COUNTED } from "./page.js";
import { paddingOf, phone, tablet } from "./panels.js";
import { remember, remembered } from "./preferences.js";
import { firstState } from "./state.js";
import { ALERTS_CHANGED, Stream } from "./stream.js";
import { boundsOf } from "./track.js";
import { html } from "./view.js";
import { turnWheel } from "./wheel.js";

/** @typedef {import("./messages.js").Language} Language */

const DRAWS_PER_S = 4;
const REFUSED_EVERY_MS = 60_000;
const EVENTS_SHOWN = 20;
const BASE_AGAIN_MS = 5_000;

const clock = new ServiceClock();
const darkness = window.matchMedia("(prefers-color-scheme: dark)");
/** @returns {import("./map_style.js").Theme} */
const theme = () => (darkness.matches ? "dark" : "light");

const state = firstState(Date.now());

/** Absent where the browser cannot draw one: the list works alone. @type {FleetMap | undefined} */
let map;
/** @type {import("./labels.js").Place[]} */
let places = [];
/** @type {Language} */
let wanted = "zh";
const dayTrack = new DayTrack(state, () => map, () => draw());

// --- drawing --------------------------------------------------------------------------------------------

let drawn_ms = 0;
let isDrawing = false;

/** Draws soon; news may wait a little, a reader may not. */
function draw(isUrgent = true) {
  if (isDrawing && !isUrgent) return;
  const wait_ms = isUrgent ? 0 : Math.max(0, drawn_ms + 1000 / DRAWS_PER_S - performance.now());
  isDrawing = true;
  setTimeout(() => requestAnimationFrame(drawNow), wait_ms);
}

function drawNow() {
  isDrawing = false;
  drawn_ms = performance.now();
  tell();
  render(html`<${Page} state=${state} actions=${actions} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
}

function tell() {
  if (clock.isSet) state.now_ms = clock.at(performance.now());
  state.today = dayOf(new Date(state.now_ms));
}

// --- news -----------------------------------------------------------------------------------------------

const stream = new Stream("/api/v1/stream", takeNews, (link) => {
  if (state.link === link) return;
  state.link = link;
  draw();
});

/** @param {import("./stream.js").NewsKind} kind @param {import("./stream.js").News} news */
function takeNews(kind, news) {
  clock.set(Date.parse(news.now), performance.now());
  tell();
  state.data_ms = state.now_ms;
  if (kind === "snapshot") takeSnapshot(news);
  if (kind === "update") takeUpdate(news.units ?? []);
  if (kind === "alerts" || kind === "snapshot") void loadCalls();
  draw(false);
}

/** @param {import("./stream.js").News} news */
function takeSnapshot(news) {
  const limits = {
    stale_after_s: news.stale_after_s ?? state.fleet.limits.stale_after_s,
    gone_after_s: news.gone_after_s ?? state.fleet.limits.gone_after_s,
  };
  state.fleet.replace(news.units ?? [], limits);
  map?.replace();
  if (!state.isKnown) fitFleet();
  state.isKnown = true;
  if (state.selected === null) takeHash();
}

/** @param {import("./fleet.js").UnitState[]} units */
function takeUpdate(units) {
  state.fleet.merge(units);
  map?.redraw(units.map((one) => one.unit));
}

function fitFleet() {
  const fixes = [...state.fleet.units.values()].filter(hasPosition).map((unit) => ({
    at_ms: 0, lat_deg: unit.lat_deg ?? 0, lon_deg: unit.lon_deg ?? 0, speed_m_s: null, course_deg: null, altitude_msl_m: null,
  }));
  const bounds = boundsOf([fixes]);
  if (bounds !== null) map?.fit(bounds, false);
}

/** Silence is not an event: every second all ages are looked at again. */
function everySecond() {
  tell();
  const { fleet, now_ms } = state;
  const quiet = [...fleet.units.values()].filter((unit) => freshnessOf(unit, now_ms, fleet.limits) !== "live" || (unit.received_ms ?? 0) < now_ms - 5_000);
  map?.redraw(quiet.map((unit) => unit.unit));
  void dayTrack.grow();
  draw(false);
}

async function countRefused() {
  const answer = await fetch(`/api/v1/refused?limit=${REFUSED_COUNTED}`).catch(() => null);
  if (answer?.ok !== true) return;
  state.refused = (await answer.json()).refused.length;
  draw(false);
}

async function loadCalls() {
  window.dispatchEvent(new Event(ALERTS_CHANGED));
  const answer = await fetch("/api/v1/alerts?rule=help_called&limit=500").catch(() => null);
  if (answer?.ok !== true) return;
  /** @type {{ unit: string, id: number }[]} */
  const alerts = (await answer.json()).alerts;
  state.calls = new Map(alerts.reverse().map(({ unit, id }) => [unit, id]));
  map?.setCalls([...state.calls.keys()]);
  draw();
}

async function loadEvents() {
  const unit = state.selected;
  state.events = [];
  if (unit === null) return;
  const answer = await fetch(`/api/v1/units/${encodeURIComponent(unit)}/events?limit=${EVENTS_SHOWN}`).catch(() => null);
  if (answer?.ok !== true || state.selected !== unit) return;
  state.events = (await answer.json()).events;
  draw();
}

// --- what the reader does -------------------------------------------------------------------------------

/** @type {import("./state.js").Actions} */
const actions = {
  filter(change) {
    Object.assign(state.filter, change);
    draw();
  },
  toggleState(one) {
    if (!state.filter.states.delete(one)) state.filter.states.add(one);
    draw();
  },
  select(unit) {
    if (unit === state.selected) return actions.showOnMap();
    choose(unit, state.today);
    setHash("pushState");
  },
  showOnMap() {
    const unit = state.fleet.units.get(state.selected ?? "");
    if (unit !== undefined) map?.show(unit);
  },
  setLanguage(language) {
    remember("language", language);
    void speak(language);
  },
  setDay(day) {
    state.day = day;
    setHash("replaceState");
    void dayTrack.open();
    draw();
  },
  seek: (at_ms) => dayTrack.seek(at_ms),
  advance: (ms) => dayTrack.advance(ms),
  togglePlay: () => dayTrack.togglePlay(),
  setFactor: (factor) => dayTrack.setFactor(factor),
  toggleList() {
    state.isListOpen = !state.isListOpen;
    setPadding();
    draw();
  },
};

/** Opens a unit's card at a day, or closes the card. @param {string | null} unit @param {string} day */
function choose(unit, day) {
  state.selected = unit;
  state.day = day;
  map?.select(unit ?? "");
  setPadding();
  actions.showOnMap();
  void dayTrack.open();
  void loadEvents();
  draw();
}

/** @param {Language} language */
async function speak(language) {
  const { lang, script } = LANGUAGES[language];
  wanted = language;
  const messages = await loadMessages(language);
  // The letters first: a page that is laid out twice jumps.
  if (script === "mong") await document.fonts.load('16px "Noto Sans Mongolian"', "\u1820");
  if (wanted !== language) return; // the reader has chosen again meanwhile
  Object.assign(state, { language, script, say: sayer(messages) });
  document.documentElement.lang = lang;
  document.title = state.say("title");
  setPadding();
  map?.setPlaces(places, language);
  map?.replace();
  draw();
}

// --- the place in the page ------------------------------------------------------------------------------

/**
 * "#library-01/2026-11-21": a unit and its day can be passed on as an address, and the browser's way back
 * closes a card as it closes a page.
 * @param {"pushState" | "replaceState"} how
 */
function setHash(how) {
  const hash = state.selected === null ? "" : `#${state.selected}${state.day === state.today ? "" : `/${state.day}`}`;
  history[how](null, "", window.location.pathname + hash);
}

function takeHash() {
  const [unit, said = ""] = hashText().split("/");
  const day = /^\d{4}-\d\d-\d\d$/.test(said) ? said : state.today;
  if (unit === "" && state.selected !== null) choose(null, day);
  if (!state.fleet.units.has(unit) || (unit === state.selected && day === state.day)) return;
  choose(unit, day);
}

/** What stands behind the # of the address; nothing where somebody broke it. */
function hashText() {
  try {
    return decodeURIComponent(window.location.hash.slice(1));
  } catch {
    return "";
  }
}

/** The panels look at the script, and the map at the panels. */
function setPadding() {
  document.documentElement.dataset.script = state.script;
  map?.setPadding(paddingOf(state));
}

/** WebGL is switched off on some office machines. */
const canDraw = () => document.createElement("canvas").getContext("webgl2") !== null;

/** Fetched here and not by the map's worker, whose own content policy may forbid it all requests. */
async function loadBase() {
  try {
    const answer = await fetch("/static/basemap.geojson");
    if (!answer.ok) throw new Error(`basemap.geojson: ${answer.status}`);
    map?.setBase(await answer.json());
    places = await loadPlaces();
    map?.setPlaces(places, state.language);
  } catch {
    // The service went away meanwhile: the map works without its ground, and gets it later.
    setTimeout(() => void loadBase(), BASE_AGAIN_MS);
  }
}

/** Escape closes the card, and / goes to the search from wherever nothing is being written. @param {KeyboardEvent} event */
function takeKey(event) {
  if (event.key === "Escape" && state.selected !== null) actions.select(null);
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target instanceof Element && event.target.matches("input, select, textarea")) return;
  event.preventDefault();
  if (phone.matches && state.selected !== null) actions.select(null);
  /** @type {HTMLElement | null} */ (document.querySelector(".search"))?.focus();
}

async function start() {
  const chosen = remembered("language") ?? "";
  const language = isLanguage(chosen) ? chosen : preferredLanguage(navigator.languages);
  await speak(language);
  drawNow();
  const container = /** @type {HTMLElement} */ (document.querySelector(".map"));
  if (canDraw()) map = new FleetMap(container, theme(), () => state, (unit) => actions.select(unit));
  else state.hasMap = false;
  Object.assign(window, { ortoo: { map: map?.map, state } });
  setPadding();
  darkness.addEventListener("change", () => map?.setTheme(theme()));
  for (const size of [phone, tablet]) size.addEventListener("change", setPadding);
  stream.open();
  void loadBase();
  setInterval(everySecond, 1000);
  window.addEventListener("hashchange", takeHash);
  document.addEventListener("keydown", takeKey);
  turnWheel();
  void countRefused();
  setInterval(() => void countRefused(), REFUSED_EVERY_MS);
}

void start();
