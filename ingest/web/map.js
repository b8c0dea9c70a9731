// The map: the only file that talks to MapLibre about vehicles.
//
// Vehicles are one GeoJSON source. A change is written as a difference, and differences that come faster than
// the map can draw are merged: one every FLUSH_MS_PER_UNIT for each unit of the fleet, and never before the
// last one has been drawn. A vehicle stands where it was measured; nothing is guessed between two fixes.

import { AttributionControl, Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl } from "maplibre-gl";
import { hasPosition } from "./fleet.js";
import { mapImages } from "./glyphs.js";
import { mongolianMarkers, placeFeatures } from "./labels.js";
import { mapStyle, PALETTES } from "./map_style.js";
import { trackFeatures } from "./track.js";
import { featureDiff, replayFeatures, vehicleFeature } from "./vehicles.js";

/** @typedef {import("./fleet.js").Fleet} Fleet */
/** @typedef {import("./fleet.js").Unit} Unit */
/** @typedef {import("./labels.js").Place} Place */
/** @typedef {import("./map_style.js").Theme} Theme */
/** @typedef {import("./messages.js").Language} Language */
/** @typedef {import("./messages.js").Say} Say */
/** @typedef {{ top: number, right: number, bottom: number, left: number }} Padding */

setWorkerUrl("/static/lib/maplibre-gl/maplibre-gl-worker.mjs");

/** @type {[number, number, number, number]} */
const REGION = [97.2, 37.4, 126.1, 53.4];
/** @type {[number, number, number, number]} */
const LIMITS = [88, 32, 134.5, 57];
const FLUSH_MS_PER_UNIT = 1; // 1,000 units: once a second; a county's 24: as fast as the news come
const FLUSH_MIN_MS = 60;
const FLUSH_MAX_MS = 1_000;
const LABELS_AT_ONCE = 150; // a bigger fleet shows names only from LABEL_ZOOM on
const LABEL_ZOOM = 8;
const TOUCH_PX = 14;
const CLOSE_ZOOM = 9;

/** @type {GeoJSON.FeatureCollection} */
const NOTHING = { type: "FeatureCollection", features: [] };

export class FleetMap {
  /** @type {Map<string, GeoJSON.Feature<GeoJSON.Point>>} */
  #drawn = new Map();
  /** @type {Set<string>} */
  #waiting = new Set();
  #isFlushing = false;
  #flushed_ms = -FLUSH_MAX_MS;
  #isDressed = false;
  /** @type {import("maplibre-gl").Marker[]} */
  #markers = [];
  /** @type {Place[]} */
  #places = [];
  /** @type {Language} */
  #language = "zh";
  #selected = "";
  /** @type {string[]} */
  #calls = [];
  #track = NOTHING;
  #replay = NOTHING;
  #base = NOTHING;
  /** @type {() => { fleet: Fleet, now_ms: number, say: Say }} */
  #read;

  /**
   * @param {HTMLElement} container
   * @param {Theme} theme
   * @param {() => { fleet: Fleet, now_ms: number, say: Say }} read what is known at the moment of drawing
   * @param {(unit: string | null) => void} onPick
   */
  constructor(container, theme, read, onPick) {
    this.#read = read;
    this.map = new MapLibre({
      container,
      style: mapStyle(theme),
      bounds: REGION,
      maxBounds: LIMITS,
      fitBoundsOptions: { padding: 24 },
      maxZoom: 17,
      attributionControl: false,
      fadeDuration: 0, // a name that fades in for 300 ms holds every new position back for as long
      dragRotate: false,
      pitchWithRotate: false,
      localIdeographFontFamily: "system-ui, sans-serif",
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new AttributionControl({ compact: true }), "bottom-left");
    this.map.addControl(new ScaleControl({}), "top-left");
    this.map.once("style.load", () => this.#dress(theme));
    this.map.on("moveend", () => this.#drawGrid());
    this.map.on("click", (event) => onPick(this.#unitAt(event.point)));
    this.map.on("mousemove", (event) => {
      this.map.getCanvas().style.cursor = this.#unitAt(event.point) === null ? "" : "pointer";
    });
  }

  /** @param {string} id */
  #source(id) {
    return /** @type {import("maplibre-gl").GeoJSONSource} */ (this.map.getSource(id));
  }

  /** @param {Theme} theme */
  setTheme(theme) {
    this.#isDressed = false;
    this.map.once("style.load", () => this.#dress(theme));
    this.map.setStyle(mapStyle(theme), { diff: false });
  }

  /** Gives a new style its images and everything that is shown. @param {Theme} theme */
  #dress(theme) {
    const palette = PALETTES[theme];
    for (const [name, image, options] of mapImages(palette)) {
      if (!this.map.hasImage(name)) this.map.addImage(name, image, options);
    }
    this.#isDressed = true;
    this.#source("basemap").setData(this.#base);
    this.#source("vehicles").setData({ type: "FeatureCollection", features: [...this.#drawn.values()] });
    this.#source("track").setData(this.#track);
    this.#source("replay").setData(this.#replay);
    this.#drawPlaces();
    this.#drawGrid();
    this.#limitLabels();
    this.select(this.#selected);
    this.setCalls(this.#calls);
    this.#flushSoon();
  }

  /** @param {GeoJSON.FeatureCollection} base */
  setBase(base) {
    this.#base = base;
    if (this.#isDressed) this.#source("basemap").setData(base);
  }

  /** @param {Place[]} places @param {Language} language */
  setPlaces(places, language) {
    this.#places = places;
    this.#language = language;
    this.#drawPlaces();
  }

  #drawPlaces() {
    for (const marker of this.#markers) marker.remove();
    this.#markers = this.#language === "mn" ? mongolianMarkers(this.#places) : [];
    for (const marker of this.#markers) marker.addTo(this.map);
    if (this.#isDressed) this.#source("places").setData(placeFeatures(this.#places, this.#language));
  }

  /** Lines of latitude and longitude: where the base map has nothing left to show, they tell scale and motion. */
  #drawGrid() {
    const zoom = this.map.getZoom();
    this.map.getContainer().dataset.rank = zoom < 4 ? "0" : zoom < 4.6 ? "1" : zoom < 5.8 ? "2" : "3";
    if (!this.#isDressed) return;
    this.#source("grid").setData(zoom < 7.5 ? NOTHING : gridLines(this.map.getBounds(), zoom));
  }

  /** @param {import("maplibre-gl").Point} point @returns {string | null} */
  #unitAt(point) {
    if (!this.#isDressed) return null;
    /** @type {[[number, number], [number, number]]} */
    const box = [[point.x - TOUCH_PX, point.y - TOUCH_PX], [point.x + TOUCH_PX, point.y + TOUCH_PX]];
    const features = this.map.queryRenderedFeatures(box, { layers: ["vehicle"] });
    const distance = (/** @type {any} */ one) => {
      const at = this.map.project(one.geometry.coordinates);
      return Math.hypot(at.x - point.x, at.y - point.y);
    };
    const nearest = features.sort((a, b) => distance(a) - distance(b)).at(0);
    return nearest === undefined ? null : nearest.properties.unit;
  }

  /** Marks units to be drawn again. @param {Iterable<string>} units */
  redraw(units) {
    for (const unit of units) this.#waiting.add(unit);
    this.#flushSoon();
  }

  #flushSoon() {
    if (this.#isFlushing || this.#waiting.size === 0 || !this.#isDressed) return;
    this.#isFlushing = true;
    const size = this.#read().fleet.units.size;
    const gap_ms = Math.min(FLUSH_MAX_MS, Math.max(FLUSH_MIN_MS, size * FLUSH_MS_PER_UNIT));
    const wait_ms = Math.max(0, this.#flushed_ms + gap_ms - performance.now());
    setTimeout(() => void this.#flush(), wait_ms);
  }

  async #flush() {
    performance.mark("flush");
    this.#flushed_ms = performance.now();
    const diff = this.#difference();
    this.#waiting.clear();
    try {
      const done = this.#isDressed && diff !== null ? this.#source("vehicles").updateData(diff) : null;
      performance.measure("ortoo-flush", "flush");
      await done;
    } finally {
      this.#isFlushing = false;
      this.#flushSoon();
    }
  }

  #difference() {
    const { fleet, now_ms, say } = this.#read();
    const diff = {
      /** @type {GeoJSON.Feature[]} */ add: [],
      /** @type {NonNullable<ReturnType<typeof featureDiff>>[]} */ update: [],
      /** @type {string[]} */ remove: [],
    };
    for (const id of this.#waiting) {
      const unit = fleet.units.get(id);
      const before = this.#drawn.get(id);
      if (unit === undefined || !hasPosition(unit)) {
        if (this.#drawn.delete(id)) diff.remove.push(id);
        continue;
      }
      const feature = vehicleFeature(unit, now_ms, fleet.limits, say);
      this.#drawn.set(id, feature);
      if (before === undefined) diff.add.push(feature);
      else {
        const change = featureDiff(before, feature);
        if (change !== null) diff.update.push(change);
      }
    }
    return diff.add.length + diff.update.length + diff.remove.length === 0 ? null : diff;
  }

  /** Takes the whole fleet anew, as after a snapshot. */
  replace() {
    const { fleet } = this.#read();
    this.redraw([...fleet.units.keys(), ...this.#drawn.keys()]);
    this.#limitLabels();
  }

  #limitLabels() {
    const minzoom = this.#read().fleet.units.size > LABELS_AT_ONCE ? LABEL_ZOOM : 0;
    if (this.#isDressed) this.map.setLayerZoomRange("vehicle-label", minzoom, 24);
  }

  /** @param {string} unit "" for none */
  select(unit) {
    this.#selected = unit;
    if (this.#isDressed) this.map.setFilter("vehicle-ring", ["==", ["get", "unit"], unit]);
  }

  /** Marks the units that call for help. @param {string[]} units */
  setCalls(units) {
    this.#calls = units;
    if (this.#isDressed) this.map.setFilter("vehicle-call", ["in", ["get", "unit"], ["literal", units]]);
  }

  /** @param {Padding} padding */
  setPadding(padding) {
    this.map.setPadding(padding);
  }

  /** @param {Unit} unit */
  show(unit) {
    if (unit.lat_deg === null || unit.lon_deg === null) return;
    this.map.easeTo({ center: [unit.lon_deg, unit.lat_deg], zoom: Math.max(this.map.getZoom(), CLOSE_ZOOM), duration: 700 });
  }

  /** @param {[number, number, number, number]} bounds @param {boolean} isSmooth */
  fit(bounds, isSmooth) {
    this.map.fitBounds(bounds, { padding: 56, maxZoom: 13, duration: isSmooth ? 700 : 0 });
  }

  /** @param {import("./track.js").Fix[][]} runs */
  setTrack(runs) {
    this.#track = trackFeatures(runs);
    if (this.#isDressed) this.#source("track").setData(this.#track);
  }

  /** @param {import("./track.js").Moment | null} moment @param {string} glyph */
  setReplay(moment, glyph) {
    this.#replay = moment === null ? NOTHING : { type: "FeatureCollection", features: replayFeatures(moment, glyph) };
    if (this.#isDressed) this.#source("replay").setData(this.#replay);
  }
}

/**
 * @param {import("maplibre-gl").LngLatBounds} bounds
 * @param {number} zoom
 * @returns {GeoJSON.FeatureCollection}
 */
function gridLines(bounds, zoom) {
  const step = zoom < 8.5 ? 0.5 : zoom < 10.5 ? 0.1 : zoom < 13.5 ? 0.02 : 0.002;
  const [west, east, south, north] = [bounds.getWest(), bounds.getEast(), bounds.getSouth(), bounds.getNorth()];
  /** @type {GeoJSON.Position[][]} */
  const coordinates = [];
  for (let lon = Math.ceil(west / step) * step; lon < east; lon += step) coordinates.push([[lon, south], [lon, north]]);
  for (let lat = Math.ceil(south / step) * step; lat < north; lat += step) coordinates.push([[west, lat], [east, lat]]);
  return { type: "FeatureCollection", features: [{ type: "Feature", properties: {}, geometry: { type: "MultiLineString", coordinates } }] };
}
