// Vehicles as the map draws them: a feature for each, and the difference to what was drawn before. Pure.

import { freshnessOf, isPositionHeld, titleOf } from "./fleet.js";
import { span, speed } from "./format.js";
import { glyphOfUnit } from "./glyphs.js";
import { sayer } from "./messages.js";

/** @typedef {import("./fleet.js").Unit} Unit */
/** @typedef {import("./messages.js").Say} Say */

const MOVING_M_S = 0.5; // below it a course is noise
const ORDER = { gone: 0, stale: 1, held: 2, live: 3 };

// Letters that the canvas cannot join.
const MONGOLIAN = /[\u1800-\u18af]/;

// What says an age there instead.
const PLAIN = sayer({ span_min: "{n} min", span_h: "{n} h", span_d: "{n} d" });

/** @param {string} text @param {string} otherwise */
const drawable = (text, otherwise) => (MONGOLIAN.test(text) ? otherwise : text);

/**
 * A unit as the map draws it.
 * @param {Unit} unit
 * @param {number} now_ms
 * @param {import("./fleet.js").Limits} limits
 * @param {Say} say
 * @returns {GeoJSON.Feature<GeoJSON.Point>}
 */
export function vehicleFeature(unit, now_ms, limits, say) {
  const freshness = freshnessOf(unit, now_ms, limits);
  const look = freshness === "live" && isPositionHeld(unit, now_ms, limits) ? "held" : freshness;
  const isMoving = look === "live" && unit.course_deg !== null && (unit.speed_m_s ?? 0) >= MOVING_M_S;
  return {
    type: "Feature",
    properties: {
      unit: unit.unit,
      look,
      glyph: glyphOfUnit(unit.capabilities),
      order: ORDER[look],
      label: drawable(titleOf(unit), unit.unit),
      detail: detailOf(unit, look, now_ms, say),
      ...(isMoving ? { course: unit.course_deg } : {}),
    },
    geometry: { type: "Point", coordinates: [unit.lon_deg ?? 0, unit.lat_deg ?? 0] },
  };
}

/** @param {Unit} unit @param {string} look @param {number} now_ms @param {Say} say */
function detailOf(unit, look, now_ms, say) {
  if (look === "live") return unit.speed_m_s === null ? "" : speed(unit.speed_m_s);
  const since_ms = look === "held" ? unit.sampled_ms : unit.received_ms;
  if (since_ms === null) return "";
  // To the minute: an age that counts seconds would redraw every label every second.
  const age_ms = Math.max(60_000, now_ms - since_ms);
  return drawable(span(age_ms, say), span(age_ms, PLAIN));
}

/**
 * What has to be told to the map so that it shows `feature` instead of `before`.
 * @param {GeoJSON.Feature<GeoJSON.Point>} before
 * @param {GeoJSON.Feature<GeoJSON.Point>} feature
 */
export function featureDiff(before, feature) {
  const properties = feature.properties ?? {};
  const old = before.properties ?? {};
  const changed = Object.keys(properties).filter((key) => properties[key] !== old[key]);
  const gone = Object.keys(old).filter((key) => !(key in properties));
  const [lon, lat] = before.geometry.coordinates;
  const hasMoved = lon !== feature.geometry.coordinates[0] || lat !== feature.geometry.coordinates[1];
  if (!hasMoved && changed.length === 0 && gone.length === 0) return null;
  return {
    id: properties.unit,
    ...(hasMoved ? { newGeometry: feature.geometry } : {}),
    ...(gone.length > 0 ? { removeProperties: gone } : {}),
    ...(changed.length > 0 ? { addOrUpdateProperties: changed.map((key) => ({ key, value: properties[key] })) } : {}),
  };
}

/** @param {import("./track.js").Moment} moment @param {string} glyph @returns {GeoJSON.Feature[]} */
export function replayFeatures(moment, glyph) {
  /** @type {GeoJSON.Point} */
  const geometry = { type: "Point", coordinates: [moment.lon_deg, moment.lat_deg] };
  const disc = { icon: `${moment.is_known ? "live" : "held"}-${glyph}`, course: 0 };
  /** @type {GeoJSON.Feature[]} */
  const features = [{ type: "Feature", properties: disc, geometry }];
  if (moment.is_known && moment.course_deg !== null) {
    features.unshift({ type: "Feature", properties: { icon: `beak-${glyph}`, course: moment.course_deg }, geometry });
  }
  features.unshift({ type: "Feature", properties: { icon: "ring", course: 0 }, geometry });
  return features;
}
